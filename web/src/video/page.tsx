// `/videos/{video}`: everything about one video.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { client, data, type Video } from '../api/client'
import { subscribe } from '../api/live'
import { sentence } from '../api/problem'
import { may } from '../api/session'
import { bytes, clock, exactTime } from '../format'
import { deleteLater } from '../library/selection'
import { go } from '../router'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { useTitle } from '../ui/page'
import { attempt, toast } from '../ui/toast'
import { isBusy, nameOf, stateOf } from './names'
import { Captions } from './captions'
import { ChaptersCard } from './chapters'
import { ClipDialog } from './clip'
import { Deliveries } from './deliveries'
import { PosterPicker } from './poster'
import { PerTitleCard } from './per-title'
import { ReceiptCard } from './receipt'
import { ReencodeDialog } from './reencode'
import { Renditions } from './renditions'
import { Shares } from './shares'
import { TimelineCard } from './timeline'
import { ViewsCard } from './views'
import './video.css'

const t = texts.video

export default function VideoPage({ video: id }: { video: string }) {
  const [state, again] = useLoaded<Video>(id, () => data(client.GET('/v1/videos/{video}', { params: { path: { video: id } } })))
  const video = state.value.kind === 'there' ? state.value.value : undefined
  useTitle(video ? nameOf(video) : t.title)
  useEffect(
    () =>
      subscribe(
        (changed) => changed.id === id && void again(),
        () => state.value.kind === 'there' && isBusy(state.value.value) && void again(),
      ),
    [id],
  )
  if (state.value.kind === 'failed') {
    return (
      <main id="main" class="page narrow" tabIndex={-1}>
        <h1 class="visually-hidden">{t.title}</h1>
        <Notice kind="danger">
          <p>{sentence(state.value.error)}</p>
        </Notice>
        <a href="/">{texts.toLibrary}</a>
      </main>
    )
  }
  if (!video) return <main id="main" class="page" aria-busy="true" />
  return (
    <main id="main" class="page" tabIndex={-1}>
      <Head video={video} again={again} />
      {video.failure && (
        <Notice kind="danger">
          <p>
            <strong>{video.failure.message}</strong>
          </p>
          <p>{video.failure.class === 'source' ? t.failedSource : t.failedHere}</p>
        </Notice>
      )}
      {video.warnings.map((it) => (
        <Notice kind="warn" key={it.missing}>
          {it.message}
        </Notice>
      ))}
      <div class="columns">
        <div class="stack wide-gap">
          {video.playable && <ViewsCard video={id} />}
          <Renditions video={video} />
          <PerTitleCard video={video} />
          <TimelineCard video={video} />
          <ReceiptCard video={video} />
          <Deliveries video={id} updated={video.updated_at} />
        </div>
        <div class="stack wide-gap">
          <Facts video={video} />
          {video.playable && may('write') && <PosterPicker video={video} again={again} />}
          <Captions video={video} />
          <ChaptersCard video={video} />
          {may('play') && video.state !== 'failed' && <Shares video={id} />}
        </div>
      </div>
    </main>
  )
}

function Head({ video, again }: { video: Video; again: () => Promise<void> }) {
  const title = useSignal(nameOf(video))
  const { text, tone } = stateOf(video)
  const path = { params: { path: { video: video.id } } }
  const run = (request: Promise<unknown>, done: string) => void attempt(request, done).then(again)
  const save = () => {
    const next = title.value.trim()
    if (!next || next === nameOf(video)) title.value = nameOf(video)
    else run(client.PATCH('/v1/videos/{video}', { ...path, body: { title: next } }), t.renamed)
  }
  const download = async () => {
    await attempt(data(client.GET('/v1/videos/{video}/source', path)).then(({ url }) => location.assign(url)))
  }
  const isReencoding = useSignal(false)
  const isClipping = useSignal(false)
  const isWorking = ['queued', 'processing', 'playable'].includes(video.state)
  return (
    <div class="video-head">
      <div class="video-cover">
        {video.poster_url ? <img src={video.poster_url} alt="" /> : <Icon name="film" />}
        {video.playable && may('play') && (
          <a href={`/watch/${video.id}`} aria-label={t.watch}>
            <Icon name="play" />
          </a>
        )}
      </div>
      <div class="stack grow">
        <h1 class="visually-hidden">{nameOf(video)}</h1>
        {may('write') ? (
          <input
            class="video-name"
            dir="auto"
            aria-label={t.name}
            maxLength={200}
            value={title.value}
            onInput={(event) => (title.value = event.currentTarget.value)}
            onBlur={save}
            onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          />
        ) : (
          <p class="video-name" dir="auto" aria-hidden="true">
            {nameOf(video)}
          </p>
        )}
        <div class="row">
          <span class={`badge ${tone}`} role="status">
            {text}
          </span>
          {isWorking && <progress class="inline" max={100} value={video.percent ?? undefined} aria-label={t.progress} />}
        </div>
        <div class="row">
          {video.playable && may('play') && (
            <a class="button primary" href={`/watch/${video.id}`}>
              <Icon name="play" />
              {t.watch}
            </a>
          )}
          {may('write') && (video.state === 'failed' || video.state === 'cancelled') && (
            <Button kind="primary" icon="retry" onClick={() => run(client.POST('/v1/videos/{video}/retry', path), t.retried)}>
              {t.retry}
            </Button>
          )}
          {may('write') && isWorking && (
            <Button icon="close" onClick={() => run(client.POST('/v1/videos/{video}/cancel', path), t.cancelled)}>
              {t.cancel}
            </Button>
          )}
          {may('write') && video.state === 'ready' && (
            <Button icon="convert" onClick={() => (isReencoding.value = true)}>
              {t.reencode}
            </Button>
          )}
          {may('upload') && may('read') && video.state === 'ready' && (
            <Button icon="film" onClick={() => (isClipping.value = true)}>
              {t.clip.open}
            </Button>
          )}
          {may('download') && video.source.size && (
            <Button icon="download" onClick={() => void download()}>
              {t.source}
            </Button>
          )}
          {may('write') && (
            <Button
              kind="danger"
              icon="trash"
              onClick={() => {
                deleteLater([video])
                go('/')
              }}
            >
              {t.delete}
            </Button>
          )}
        </div>
      </div>
      {isClipping.value && <ClipDialog video={video} onClose={() => (isClipping.value = false)} />}
      {isReencoding.value && (
        <ReencodeDialog
          now={{ mode: video.mode, profile: video.profile }}
          onStart={(body) => run(client.POST('/v1/videos/{video}/reencode', { ...path, body }), t.reencoding)}
          onClose={() => (isReencoding.value = false)}
        />
      )}
    </div>
  )
}

function Facts({ video }: { video: Video }) {
  const copy = () => void navigator.clipboard.writeText(video.id).then(() => toast(t.copied))
  const rows: [string, string | undefined][] = [
    [t.facts.file, video.source.filename ?? undefined],
    [t.facts.size, video.source.size ? bytes(video.source.size) : undefined],
    [t.facts.duration, video.duration_seconds ? clock(video.duration_seconds) : undefined],
    [t.facts.resolution, video.width && video.height ? `${video.width} \u00d7 ${video.height}` : undefined],
    [t.facts.profile, video.profile],
    [t.facts.mode, t.modes[video.mode]],
    [t.facts.owner, video.owner ?? t.installation],
    [t.facts.external, video.external_id ?? undefined],
    [t.facts.created, exactTime(video.created_at)],
    [t.facts.playable, video.playable_at ? exactTime(video.playable_at) : undefined],
    [t.facts.ready, video.ready_at ? exactTime(video.ready_at) : undefined],
  ]
  return (
    <section class="card">
      <h2>{t.facts.title}</h2>
      <dl class="facts">
        <dt>{t.facts.id}</dt>
        <dd class="row">
          <code class="truncate id">{video.id}</code>
          <Button kind="plain" size="small" icon="copy" iconOnly onClick={copy}>
            {t.copyId}
          </Button>
        </dd>
        {rows.map(
          ([name, value]) =>
            value !== undefined && (
              <>
                <dt key={name}>{name}</dt>
                <dd dir="auto">{value}</dd>
              </>
            ),
        )}
      </dl>
    </section>
  )
}
