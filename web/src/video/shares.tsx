// The share links of a video.

import { useSignal } from '@preact/signals'
import { client, data, type Schemas } from '../api/client'
import { ago, date } from '../format'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button, Dialog, Field, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { attempt, toast, toastError } from '../ui/toast'

const t = texts.video.shares
const DAY = 24 * 3600
const LIVES = [DAY, 7 * DAY, 30 * DAY, 365 * DAY] as const
const HEIGHTS = [1080, 720, 480, 360] as const

export function Shares({ video }: { video: string }) {
  const [state, again] = useLoaded(video, () => data(client.GET('/v1/videos/{video}/shares', { params: { path: { video } } })))
  const isOpen = useSignal(false)
  const shares = state.value.kind === 'there' ? state.value.value.shares : []
  const revoke = (share: Schemas['Share']) =>
    void attempt(client.DELETE('/v1/videos/{video}/shares/{share}', { params: { path: { video, share: share.id } } }), t.revoked).then(again)
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t.title}</h2>
        <Button size="small" icon="link" onClick={() => (isOpen.value = true)}>
          {t.create}
        </Button>
      </div>
      {shares.length === 0 && <p class="muted small">{t.none}</p>}
      <ul class="lines">
        {shares.map((share) => (
          <li key={share.id} class="row">
            <div class="grow">
              <div class="truncate">{share.label || t.unnamed}</div>
              <div class="muted small">
                {[t.until(date(share.expires_at)), share.max_height ? `${share.max_height}p` : undefined, share.last_used_at ? t.used(ago(share.last_used_at)) : t.unused]
                  .filter(Boolean)
                  .join(' \u00b7 ')}
              </div>
            </div>
            <Button kind="danger" size="small" onClick={() => revoke(share)}>
              {t.revoke}
            </Button>
          </li>
        ))}
      </ul>
      {isOpen.value && <Create video={video} onClose={() => (isOpen.value = false)} onCreated={again} />}
    </section>
  )
}

function Create({ video, onClose, onCreated }: { video: string; onClose: () => void; onCreated: () => void }) {
  const label = useSignal('')
  const life = useSignal<number>(LIVES[1])
  const height = useSignal(0)
  const url = useSignal<string | undefined>(undefined)
  const submit = async (event: Event) => {
    event.preventDefault()
    try {
      const created = await data(
        client.POST('/v1/videos/{video}/shares', {
          params: { path: { video } },
          body: { expires_in: life.value, ...(label.value.trim() ? { label: label.value.trim() } : {}), ...(height.value ? { max_height: height.value } : {}) },
        }),
      )
      url.value = created.url
      onCreated()
    } catch (error) {
      toastError(error)
    }
  }
  const link = url.value
  if (link) {
    return (
      <Dialog title={t.created} onClose={onClose}>
        <Notice kind="warn">{t.once}</Notice>
        <input class="input mono" readOnly value={link} aria-label={t.link} onFocus={(event) => event.currentTarget.select()} />
        <div class="actions">
          <Button onClick={onClose}>{texts.done}</Button>
          <Button kind="primary" icon="copy" onClick={() => void navigator.clipboard.writeText(link).then(() => toast(t.copied))}>
            {t.copy}
          </Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog title={t.create} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p class="muted">{t.note}</p>
        <Field label={t.label} hint={t.labelHint}>
          <input class="input" maxLength={200} value={label.value} onInput={(event) => (label.value = event.currentTarget.value)} />
        </Field>
        <div class="row">
          <Field label={t.life}>
            <select class="input" value={life.value} onChange={(event) => (life.value = Number(event.currentTarget.value))}>
              {LIVES.map((it) => (
                <option key={it} value={it}>
                  {t.days(it / DAY)}
                </option>
              ))}
            </select>
          </Field>
          <Field label={t.height}>
            <select class="input" value={height.value} onChange={(event) => (height.value = Number(event.currentTarget.value))}>
              <option value={0}>{t.anyHeight}</option>
              {HEIGHTS.map((it) => (
                <option key={it} value={it}>
                  {t.upTo(it)}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary">
            <Icon name="link" />
            {t.create}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
