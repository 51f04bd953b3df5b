// `/upload`: drop, pick or paste files; they go straight to the bucket.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { client } from '../api/client'
import { subscribe } from '../api/live'
import { known, may } from '../api/session'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button, Empty, Field, Notice } from '../ui/kit'
import { useTitle } from '../ui/page'
import { toast } from '../ui/toast'
import { isBusy } from '../video/names'
import { UploadCard } from './card'
import { filesOf, refusal } from './intake'
import { isElsewhere } from './same-file'
import { add, type Card, cards, options, removeSent, start, videos } from './uploader'
import './upload.css'

const t = texts.upload

/** Keeps the videos of the cards up to date. */
function useVideos(): void {
  useEffect(() => {
    const load = async (video: string) => {
      const found = await client.GET('/v1/videos/{video}', { params: { path: { video } } }).catch(() => null)
      if (found?.data) videos.value = { ...videos.value, [video]: found.data }
    }
    const wanted = (all: boolean) => {
      for (const { state, video } of cards.value) {
        const known = video ? videos.value[video] : undefined
        if (video && state === 'sent' && (!known || (all && isBusy(known)) || known.state === 'uploading')) void load(video)
      }
    }
    const stop = subscribe(
      (video) => {
        if (cards.value.some((it) => it.video === video.id)) videos.value = { ...videos.value, [video.id]: video }
      },
      () => wanted(true),
    )
    // While another page was open, no change came here.
    wanted(true)
    const stopCards = cards.subscribe(() => wanted(false))
    return () => {
      stop()
      stopCards()
    }
  }, [])
}

export default function UploadPage() {
  useTitle(t.title)
  useVideos()
  const isOver = useSignal(false)
  const refused = useSignal<{ name: string; why: string }[]>([])
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)

  const elsewhere = useSignal<File[]>([])

  const take = async (list: File[], evenTwice = false) => {
    const limit = known()?.max_upload_bytes
    refused.value = []
    elsewhere.value = []
    let repeated = 0
    for (const file of list) {
      const why = refusal(file, limit)
      if (why) refused.value = [...refused.value, { name: file.name, why }]
      else if (!evenTwice && (await isElsewhere(file))) elsewhere.value = [...elsewhere.value, file]
      else if (!(await add(file))) repeated += 1
    }
    if (repeated > 0) toast(t.repeated(repeated))
  }

  useEffect(() => {
    void start()
    const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (!isFiles(event)) return
      event.preventDefault()
      isOver.value = true
    }
    const leave = (event: DragEvent) => event.relatedTarget === null && (isOver.value = false)
    const drop = (event: DragEvent) => {
      isOver.value = false
      if (!event.dataTransfer || !isFiles(event)) return
      event.preventDefault()
      void filesOf(event.dataTransfer).then(take)
    }
    const paste = (event: ClipboardEvent) => {
      const pasted = Array.from(event.clipboardData?.files ?? [])
      if (pasted.length > 0) void take(pasted)
    }
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    addEventListener('paste', paste)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
      removeEventListener('paste', paste)
    }
  }, [])

  if (!may('upload')) {
    return (
      <main id="main" tabIndex={-1}>
        <Empty icon="upload" title={t.notAllowed} />
      </main>
    )
  }
  const pick = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    void take(Array.from(input.files ?? []))
    input.value = ''
  }
  return (
    <main id="main" class="page narrow" tabIndex={-1}>
      <div class="page-head">
        <h1 class="grow">{t.title}</h1>
        {cards.value.some((it) => it.state === 'sent') && (
          <Button kind="plain" onClick={removeSent}>
            {t.removeSent}
          </Button>
        )}
      </div>
      <section class="drop" data-over={isOver.value} data-small={cards.value.length > 0} aria-label={t.drop}>
        <Icon name="upload" />
        <p class="drop-title">{t.drop}</p>
        <div class="row">
          <Button kind="primary" onClick={() => files.current?.click()}>
            {t.chooseFiles}
          </Button>
          <Button onClick={() => folder.current?.click()}>{t.chooseFolder}</Button>
        </div>
        <p class="muted small">{t.dropNote}</p>
        <input ref={files} type="file" multiple accept="video/*,audio/*,.mkv,.ts,.mxf,.flac,.opus" hidden onChange={pick} aria-label={t.chooseFiles} />
        <input ref={folder} type="file" multiple hidden onChange={pick} aria-label={t.chooseFolder} {...{ webkitdirectory: true }} />
      </section>
      <Options />
      {refused.value.length > 0 && (
        <Notice kind="danger">
          <ul class="stack">
            {refused.value.map(({ name, why }) => (
              <li key={name}>
                <strong dir="auto">{name}</strong>: {why}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {elsewhere.value.length > 0 && (
        <Notice kind="warn">
          <p dir="auto">{t.elsewhere(elsewhere.value.map((it) => it.name).join(', '))}</p>
          <Button size="small" onClick={() => void take(elsewhere.value, true)}>
            {t.evenTwice}
          </Button>
        </Notice>
      )}
      <List all={cards.value} />
    </main>
  )
}

/** The newest file is at the top. */
function List({ all }: { all: Card[] }) {
  if (all.length === 0) return null
  return (
    <ul class="stack" aria-label={t.list}>
      {[...all].reverse().map((card) => (
        <UploadCard key={card.id} card={card} video={card.video ? videos.value[card.video] : undefined} />
      ))}
    </ul>
  )
}

function Options() {
  const profiles = known()?.profiles ?? []
  return (
    <div class="row options">
      {profiles.length > 1 && (
        <Field label={t.profile}>
          <select class="input" value={options.value.profile} onChange={(event) => (options.value = { ...options.value, profile: event.currentTarget.value })}>
            <option value="">{t.usual}</option>
            {profiles.map((it) => (
              <option key={it}>{it}</option>
            ))}
          </select>
        </Field>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={options.value.onFirstView}
          onChange={(event) => (options.value = { ...options.value, onFirstView: event.currentTarget.checked })}
        />
        <span>
          {t.onFirstView} <span class="muted small">{t.onFirstViewNote}</span>
        </span>
      </label>
    </div>
  )
}
