// API keys: list, create, revoke.

import { useSignal } from '@preact/signals'
import { client, data, type Schemas, type Scope } from '../api/client'
import { sentence } from '../api/problem'
import { may } from '../api/session'
import { ago, date } from '../format'
import { texts } from '../texts'
import { Button, Confirm, Dialog, Empty, Field, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { attempt, toast, toastError } from '../ui/toast'

const t = texts.settings.apiKeys
const DAY = 24 * 3600
const LIVES = [7 * DAY, 90 * DAY, 365 * DAY] as const
const SCOPES: Scope[] = ['upload', 'read', 'write', 'play', 'download', 'keys', 'webhooks', 'events', 'revocations', 'admin']

/** All pages: an installation has few keys. */
async function all(): Promise<Schemas['ApiKey'][]> {
  const keys: Schemas['ApiKey'][] = []
  let cursor: string | undefined
  do {
    const page = await data(client.GET('/v1/api-keys', { params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } } }))
    keys.push(...page.api_keys)
    cursor = page.next_cursor ?? undefined
  } while (cursor)
  return keys
}

export function ApiKeys() {
  const [state, again] = useLoaded('keys', all)
  const isOpen = useSignal(false)
  const doomed = useSignal<Schemas['ApiKey'] | undefined>(undefined)
  const loaded = state.value
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t.title}</h2>
        <Button kind="primary" icon="key" onClick={() => (isOpen.value = true)}>
          {t.create}
        </Button>
      </div>
      {loaded.kind === 'failed' && <Notice kind="danger">{sentence(loaded.error)}</Notice>}
      {loaded.kind === 'there' && loaded.value.length === 0 && (
        <Empty icon="key" title={t.none}>
          <p>{t.noneNote}</p>
        </Empty>
      )}
      {loaded.kind === 'there' && loaded.value.length > 0 && (
        <div class="scroll-x" tabIndex={0} role="region" aria-label={t.title}>
          <table class="table">
            <thead>
              <tr>
                <th>{t.name}</th>
                <th>{t.scopes}</th>
                <th>{t.used}</th>
                <th>{t.expires}</th>
                <th>{t.actions}</th>
              </tr>
            </thead>
            <tbody>
              {loaded.value.map((key) => (
                <tr key={key.id}>
                  <td>
                    <strong dir="auto">{key.name}</strong>
                    <div class="muted small">{key.owner ? t.of(key.owner) : t.ofAll}</div>
                  </td>
                  <td>
                    <div class="scopes">
                      {key.scopes.map((it) => (
                        <span class="badge" key={it}>
                          {it}
                        </span>
                      ))}
                    </div>
                  </td>
                  <td>{key.last_used_at ? ago(key.last_used_at) : t.never}</td>
                  <td>{key.expires_at ? date(key.expires_at) : t.noEnd}</td>
                  <td>
                    <Button kind="danger" size="small" onClick={() => (doomed.value = key)}>
                      {t.revoke}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {isOpen.value && <Create onClose={() => (isOpen.value = false)} onCreated={() => void again()} />}
      {doomed.value && (
        <Confirm
          title={t.revokeTitle(doomed.value.name)}
          text={t.revokeNote}
          action={t.revoke}
          onConfirm={() => {
            const key = doomed.value?.id ?? ''
            void attempt(client.DELETE('/v1/api-keys/{key}', { params: { path: { key } } }), t.revoked).then(again)
          }}
          onClose={() => (doomed.value = undefined)}
        />
      )}
    </section>
  )
}

function Create({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const name = useSignal('')
  const owner = useSignal('')
  const life = useSignal<number>(LIVES[1])
  const scopes = useSignal<Scope[]>(['read', 'play'])
  const secret = useSignal<string | undefined>(undefined)
  const offered = SCOPES.filter((it) => may(it))
  const submit = async (event: Event) => {
    event.preventDefault()
    try {
      const body = { name: name.value.trim(), scopes: scopes.value, ...(life.value ? { expires_in: life.value } : {}), ...(owner.value.trim() ? { owner: owner.value.trim() } : {}) }
      secret.value = (await data(client.POST('/v1/api-keys', { body }))).key
      onCreated()
    } catch (error) {
      toastError(error)
    }
  }
  const key = secret.value
  if (key) return <Secret title={t.created} note={t.once} secret={key} onClose={onClose} />
  return (
    <Dialog title={t.create} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label={t.name} hint={t.nameHint}>
          <input class="input" required maxLength={200} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        </Field>
        <fieldset class="stack">
          <legend class="label">{t.scopes}</legend>
          <div class="scope-choices">
            {offered.map((scope) => (
              <label class="check" key={scope}>
                <input
                  type="checkbox"
                  checked={scopes.value.includes(scope)}
                  onChange={() => (scopes.value = scopes.value.includes(scope) ? scopes.value.filter((it) => it !== scope) : [...scopes.value, scope])}
                />
                <span>
                  {scope} <span class="muted small">{t.scopeNotes[scope]}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        <div class="row">
          <Field label={t.life}>
            <select class="input" value={life.value} onChange={(event) => (life.value = Number(event.currentTarget.value))}>
              {LIVES.map((it) => (
                <option key={it} value={it}>
                  {texts.video.shares.days(it / DAY)}
                </option>
              ))}
              <option value={0}>{t.noEnd}</option>
            </select>
          </Field>
          {may('admin') && (
            <Field label={t.owner}>
              <input class="input" placeholder={t.ownerHint} value={owner.value} onInput={(event) => (owner.value = event.currentTarget.value)} />
            </Field>
          )}
        </div>
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" disabled={scopes.value.length === 0}>
            {t.create}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** A secret that the API returns once. */
export function Secret({ title, note, secret, onClose }: { title: string; note: string; secret: string; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Notice kind="warn">{note}</Notice>
      <input class="input mono" readOnly value={secret} aria-label={title} onFocus={(event) => event.currentTarget.select()} />
      <div class="actions">
        <Button onClick={onClose}>{texts.done}</Button>
        <Button kind="primary" icon="copy" onClick={() => void navigator.clipboard.writeText(secret).then(() => toast(texts.copied))}>
          {texts.copy}
        </Button>
      </div>
    </Dialog>
  )
}
