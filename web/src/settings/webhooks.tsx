// Webhooks: list, create, test, pause, delete, and the log of deliveries.

import { useSignal } from '@preact/signals'
import { client, data, type Schemas } from '../api/client'
import { sentence } from '../api/problem'
import { ago } from '../format'
import { texts } from '../texts'
import { Button, Confirm, Dialog, Empty, Field, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { useEvery } from '../ui/page'
import { attempt, toastError } from '../ui/toast'
import { Secret } from './api-keys'
import { DeliveryTable } from './delivery-table'

const t = texts.settings.webhooks
type Webhook = Schemas['Webhook']
type EventType = Schemas['EventType']
const TYPES: EventType[] = ['upload.completed', 'video.processing', 'video.progress', 'video.playable', 'video.ready', 'video.captions', 'video.failed', 'video.deleted']

export function Webhooks() {
  const [state, again] = useLoaded('webhooks', () => data(client.GET('/v1/webhooks', { params: { query: { limit: 200 } } })))
  const isOpen = useSignal(false)
  const loaded = state.value
  return (
    <>
      <section class="card">
        <div class="card-head">
          <h2>{t.title}</h2>
          <Button kind="primary" icon="webhook" onClick={() => (isOpen.value = true)}>
            {t.create}
          </Button>
        </div>
        <p class="muted">{t.note}</p>
        {loaded.kind === 'failed' && <Notice kind="danger">{sentence(loaded.error)}</Notice>}
        {loaded.kind === 'there' && loaded.value.webhooks.length === 0 && <Empty icon="webhook" title={t.none} />}
      </section>
      {loaded.kind === 'there' && loaded.value.webhooks.map((it) => <WebhookCard key={it.id} webhook={it} again={again} />)}
      {isOpen.value && <Create onClose={() => (isOpen.value = false)} onCreated={() => void again()} />}
    </>
  )
}

function WebhookCard({ webhook, again }: { webhook: Webhook; again: () => Promise<void> }) {
  const isLogOpen = useSignal(false)
  const isDoomed = useSignal(false)
  const secret = useSignal<string | undefined>(undefined)
  const path = { params: { path: { webhook: webhook.id } } }
  const run = (request: Promise<unknown>, done: string) => void attempt(request, done).then(again)
  const rotate = () =>
    void data(client.POST('/v1/webhooks/{webhook}/rotate-secret', path)).then((it) => (secret.value = it.secret), toastError)
  return (
    <section class="card webhook">
      <div class="row">
        <span class="webhook-url grow">{webhook.url}</span>
        <span class={`badge ${webhook.active ? 'good' : 'bad'}`}>{webhook.active ? t.active : t.inactive}</span>
      </div>
      {webhook.description && <p class="muted">{webhook.description}</p>}
      <div class="scopes">{webhook.events ? webhook.events.map((it) => <span class="badge" key={it}>{it}</span>) : <span class="badge">{t.allEvents}</span>}</div>
      {webhook.disabled && <Notice kind="danger">{webhook.disabled.message}</Notice>}
      {!webhook.disabled && webhook.failing_since && <Notice kind="warn">{t.failing(ago(webhook.failing_since))}</Notice>}
      <div class="row">
        <Button size="small" aria-expanded={isLogOpen.value} onClick={() => (isLogOpen.value = !isLogOpen.value)}>
          {isLogOpen.value ? t.hideLog : t.log}
        </Button>
        <Button size="small" onClick={() => run(client.POST('/v1/webhooks/{webhook}/test', path), t.tested)}>
          {t.test}
        </Button>
        <Button size="small" onClick={() => run(client.PATCH('/v1/webhooks/{webhook}', { ...path, body: { active: !webhook.active } }), t.changed)}>
          {webhook.active ? t.pause : t.activate}
        </Button>
        <Button size="small" onClick={rotate}>
          {t.rotate}
        </Button>
        <span class="grow" />
        <Button size="small" kind="danger" icon="trash" onClick={() => (isDoomed.value = true)}>
          {t.delete}
        </Button>
      </div>
      {isLogOpen.value && <Log webhook={webhook.id} />}
      {secret.value && <Secret title={t.rotated} note={t.once} secret={secret.value} onClose={() => (secret.value = undefined)} />}
      {isDoomed.value && (
        <Confirm
          title={t.deleteTitle}
          text={t.deleteNote}
          action={t.delete}
          onConfirm={() => run(client.DELETE('/v1/webhooks/{webhook}', path), t.deleted)}
          onClose={() => (isDoomed.value = false)}
        />
      )}
    </section>
  )
}

type Status = 'all' | Schemas['DeliveryStatus']

function Log({ webhook }: { webhook: string }) {
  const status = useSignal<Status>('all')
  const older = useSignal<Schemas['Delivery'][]>([])
  const cursor = useSignal<string | null | undefined>(undefined)
  const page = (after?: string) =>
    data(
      client.GET('/v1/webhooks/{webhook}/deliveries', {
        params: { path: { webhook }, query: { limit: 50, ...(after ? { cursor: after } : {}), ...(status.value === 'all' ? {} : { status: status.value }) } },
      }),
    )
  const [state, again] = useLoaded(`${webhook} ${status.value}`, () => page())
  useEvery(5, () => older.value.length === 0 && void again())
  const replay = (delivery: Schemas['Delivery']) =>
    void attempt(
      client.POST('/v1/webhooks/{webhook}/deliveries/{delivery}/replay', { params: { path: { webhook, delivery: delivery.id } } }),
      texts.settings.deliveries.replayed,
    ).then(again)
  const loaded = state.value
  if (loaded.kind === 'failed') return <Notice kind="danger">{sentence(loaded.error)}</Notice>
  if (loaded.kind === 'loading') return <p aria-busy="true">{texts.loading}</p>
  const next = cursor.value === undefined ? loaded.value.next_cursor : cursor.value
  const more = async () => {
    if (!next) return
    const result = await page(next)
    older.value = [...older.value, ...result.deliveries]
    cursor.value = result.next_cursor ?? null
  }
  const all = [...loaded.value.deliveries, ...older.value]
  return (
    <div class="stack">
      <select
        class="input"
        aria-label={texts.settings.deliveries.status}
        value={status.value}
        onChange={(event) => {
          older.value = []
          cursor.value = undefined
          status.value = event.currentTarget.value as Status
        }}
      >
        {(['all', 'pending', 'delivered', 'failed'] as const).map((it) => (
          <option key={it} value={it}>
            {texts.settings.deliveries.filters[it]}
          </option>
        ))}
      </select>
      {all.length === 0 ? <p class="muted">{t.emptyLog}</p> : <DeliveryTable deliveries={all} onReplay={replay} />}
      {next && (
        <Button size="small" onClick={() => void attempt(more())}>
          {texts.more}
        </Button>
      )}
    </div>
  )
}

function Create({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const url = useSignal('')
  const description = useSignal('')
  const events = useSignal<EventType[]>(TYPES.filter((it) => it !== 'video.progress'))
  const secret = useSignal<string | undefined>(undefined)
  const submit = async (event: Event) => {
    event.preventDefault()
    try {
      const body = { url: url.value.trim(), events: events.value, ...(description.value.trim() ? { description: description.value.trim() } : {}) }
      secret.value = (await data(client.POST('/v1/webhooks', { body }))).secret
      onCreated()
    } catch (error) {
      toastError(error)
    }
  }
  if (secret.value) return <Secret title={t.created} note={t.once} secret={secret.value} onClose={onClose} />
  const toggle = (type: EventType) => (events.value = events.value.includes(type) ? events.value.filter((it) => it !== type) : [...events.value, type])
  return (
    <Dialog title={t.create} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label={t.url}>
          <input class="input" type="url" required placeholder="https://" value={url.value} onInput={(event) => (url.value = event.currentTarget.value)} />
        </Field>
        <Field label={t.description}>
          <input class="input" maxLength={200} value={description.value} onInput={(event) => (description.value = event.currentTarget.value)} />
        </Field>
        <fieldset class="stack">
          <legend class="label">{t.events}</legend>
          <div class="scope-choices">
            {TYPES.map((it) => (
              <label class="check" key={it}>
                <input type="checkbox" checked={events.value.includes(it)} onChange={() => toggle(it)} />
                {it}
              </label>
            ))}
          </div>
        </fieldset>
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" disabled={events.value.length === 0}>
            {t.create}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
