// The captions of a video: list, upload, download, delete, and the search in them.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { apiFetch, client, data, type Schemas, type Video } from '../api/client'
import { may } from '../api/session'
import { clock } from '../format'
import { texts } from '../texts'
import { Button, Dialog, Field, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { useEvery } from '../ui/page'
import { attempt, toast, toastError } from '../ui/toast'
import { LanguageField } from './language-field'
import { Transcribe, Transcriptions } from './transcriptions'

const t = texts.video.captions
type Track = Schemas['CaptionTrack']

export function Captions({ video }: { video: Video }) {
  const path = { params: { path: { video: video.id } } }
  const [state, again] = useLoaded(video.id, () => data(client.GET('/v1/videos/{video}/captions', path)))
  const isOpen = useSignal(false)
  const isAsking = useSignal(false)
  // A worker publishes them, and that changes the video.
  useEffect(() => void again(), [video.updated_at])
  const { captions: tracks, transcriptions = [] } = state.value.kind === 'there' ? state.value.value : { captions: [], transcriptions: [] }
  useEvery(5, () => transcriptions.some((it) => it.status === 'pending') && void again())
  const remove = (track: Track) =>
    void attempt(
      client.DELETE('/v1/videos/{video}/captions/{language}', {
        params: { path: { video: video.id, language: track.language }, query: kind(track) },
      }),
      t.deleted(track.name),
    ).then(again)
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t.title}</h2>
        {may('write') && video.state === 'ready' && (
          <Button size="small" onClick={() => (isAsking.value = true)}>
            {texts.video.transcriptions.request}
          </Button>
        )}
        {may('write') && (
          <Button size="small" icon="upload" onClick={() => (isOpen.value = true)}>
            {t.add}
          </Button>
        )}
      </div>
      <Transcriptions video={video.id} list={transcriptions} again={() => void again()} />
      {tracks.length === 0 && <p class="muted small">{t.none}</p>}
      <ul class="lines">
        {tracks.map((track) => (
          <li key={`${track.language} ${track.sdh} ${track.forced}`} class="row">
            <div class="grow">
              <div class="truncate" lang={track.language} dir="auto">
                {track.name}
              </div>
              <div class="muted small">{facts(track)}</div>
            </div>
            <Button size="small" icon="download" iconOnly onClick={() => void download(video.id, track)}>
              {t.download(track.name)}
            </Button>
            {may('write') && (
              <Button kind="danger" size="small" onClick={() => remove(track)}>
                {t.delete}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {tracks.length > 0 && <Search video={video.id} />}
      {isAsking.value && <Transcribe video={video.id} onClose={() => (isAsking.value = false)} onRequested={again} />}
      {isOpen.value && <Add video={video.id} onClose={() => (isOpen.value = false)} onAdded={again} />}
    </section>
  )
}

// A language has up to one set of captions of each kind.
const kind = ({ forced, sdh }: Track) => ({ forced, sdh })

const facts = (it: Track) =>
  [it.language, it.default && t.default, it.forced && t.forced, it.sdh && t.sdh, it.origin === 'embedded' && t.embedded, it.origin === 'machine' && t.machine, it.status === 'pending' && t.pending]
    .filter(Boolean)
    .join(' \u00b7 ')

async function download(video: string, track: Track) {
  try {
    const query = `forced=${track.forced}&sdh=${track.sdh}`
    const response = await apiFetch(`/v1/videos/${video}/captions/${track.language}?${query}`)
    const url = URL.createObjectURL(await response.blob())
    const link = document.createElement('a')
    link.href = url
    link.download = `${track.language}.vtt`
    link.click()
    URL.revokeObjectURL(url)
  } catch (error) {
    toastError(error)
  }
}

function Search({ video }: { video: string }) {
  // A search of the library leads here with its text.
  const text = useSignal(new URLSearchParams(location.search).get('said') ?? '')
  const found = useSignal<Schemas['CaptionMatch'][] | undefined>(undefined)
  const search = async () => {
    const sought = text.value.trim()
    if (!sought) return void (found.value = undefined)
    const path = { params: { path: { video }, query: { text: sought } } }
    await attempt(data(client.GET('/v1/videos/{video}/captions', path)).then(({ matches }) => void (found.value = matches)))
  }
  useEffect(() => void search(), [])
  const submit = (event: Event) => {
    event.preventDefault()
    void search()
  }
  return (
    <form class="stack" role="search" onSubmit={submit}>
      <input
        class="input"
        type="search"
        aria-label={t.search}
        placeholder={t.search}
        maxLength={200}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      {found.value?.length === 0 && <p class="muted small">{t.notFound}</p>}
      {found.value && found.value.length > 0 && (
        <ol class="lines found" aria-label={t.found}>
          {found.value.map((it) => (
            <li key={`${it.language} ${it.name} ${it.start}`} class="small">
              <a href={`/watch/${video}?start=${Math.floor(it.start)}`} class="number">
                {clock(it.start)}
              </a>{' '}
              <span lang={it.language} dir="auto">
                {it.text}
              </span>
            </li>
          ))}
        </ol>
      )}
    </form>
  )
}

function Add({ video, onClose, onAdded }: { video: string; onClose: () => void; onAdded: () => void }) {
  const file = useRef<HTMLInputElement>(null)
  const language = useSignal('')
  const name = useSignal('')
  const flags = { default: useSignal(false), forced: useSignal(false), sdh: useSignal(false) }
  const warnings = useSignal<string[]>([])
  const submit = async (event: Event) => {
    event.preventDefault()
    const body = file.current?.files?.[0]
    if (!body) return
    const query = new URLSearchParams(Object.entries(flags).map(([flag, it]) => [flag, String(it.value)]))
    if (name.value.trim()) query.set('name', name.value.trim())
    const url = `/v1/videos/${video}/captions/${encodeURIComponent(language.value.trim())}?${query}`
    try {
      const response = await apiFetch(url, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body })
      const stored = (await response.json()) as Schemas['StoredCaptions']
      onAdded()
      toast(t.added(stored.captions.name))
      if (stored.warnings.length > 0) warnings.value = stored.warnings
      else onClose()
    } catch (error) {
      toastError(error)
    }
  }
  if (warnings.value.length > 0) {
    return (
      <Dialog title={t.corrected} onClose={onClose}>
        <Notice kind="warn">{t.correctedNote}</Notice>
        <ul class="lines small">
          {warnings.value.map((it) => (
            <li key={it}>{it}</li>
          ))}
        </ul>
        <div class="actions">
          <Button kind="primary" onClick={onClose}>
            {texts.done}
          </Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Dialog title={t.add} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label={t.file} hint={t.fileHint}>
          <input ref={file} class="input" type="file" accept=".srt,.vtt,.ttml,.dfxp,.xml" required />
        </Field>
        <div class="row">
          <LanguageField label={t.language} hint={t.languageHint} language={language} />
          <Field label={t.name} hint={t.nameHint}>
            <input class="input" maxLength={50} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          </Field>
        </div>
        {(['default', 'sdh', 'forced'] as const).map((flag) => (
          <label key={flag} class="row">
            <input type="checkbox" checked={flags[flag].value} onChange={(event) => (flags[flag].value = event.currentTarget.checked)} />
            <span>{t.flags[flag]}</span>
          </label>
        ))}
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" icon="upload">
            {t.add}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
