// One upload: first the file, then the video that is made of it.

import { useSignal } from '@preact/signals'
import type { VideoSummary } from '../api/client'
import { may } from '../api/session'
import { bytes, duration, percent, speed } from '../format'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button } from '../ui/kit'
import { attempt } from '../ui/toast'
import { stateOf } from '../video/names'
import { type Card, pause, remove, rename, resume, retry } from './uploader'

const t = texts.upload

export function UploadCard({ card, video }: { card: Card; video: VideoSummary | undefined }) {
  return (
    <li class="card upload">
      <Poster card={card} video={video} />
      <div class="upload-body">
        <div class="upload-head">
          <Title card={card} />
          <Buttons card={card} video={video} />
        </div>
        {card.state === 'sent' ? <Making card={card} video={video} /> : <Sending card={card} />}
      </div>
    </li>
  )
}

function Poster({ card, video }: { card: Card; video: VideoSummary | undefined }) {
  const inner = video?.poster_url ? <img src={video.poster_url} alt="" /> : <Icon name={video?.failure ? 'alert' : 'film'} />
  if (!video?.playable || !may('play')) return <div class="upload-poster">{inner}</div>
  return (
    <a class="upload-poster" href={`/watch/${video.id}`} aria-label={t.play(card.title)}>
      {inner}
      <span class="upload-play">
        <Icon name="play" />
      </span>
    </a>
  )
}

function Title({ card }: { card: Card }) {
  const text = useSignal(card.title)
  const save = () => {
    const title = text.value.trim()
    if (!title) text.value = card.title
    else if (title !== card.title) void attempt(rename(card.id, title))
  }
  return (
    <input
      class="upload-title"
      dir="auto"
      value={text.value}
      maxLength={200}
      aria-label={t.titleOf(card.name)}
      onInput={(event) => (text.value = event.currentTarget.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') text.value = card.title
      }}
    />
  )
}

function Buttons({ card, video }: { card: Card; video: VideoSummary | undefined }) {
  const { id, state } = card
  return (
    <div class="upload-buttons">
      {state === 'sending' && (
        <Button kind="plain" icon="pause" iconOnly onClick={() => pause(id)}>
          {t.pause}
        </Button>
      )}
      {state === 'paused' && (
        <Button kind="plain" icon="play" iconOnly onClick={() => resume(id)}>
          {t.resume}
        </Button>
      )}
      {(state === 'failed' || state === 'again') && (
        <Button kind="plain" icon="retry" iconOnly onClick={() => retry(id)}>
          {t.retry}
        </Button>
      )}
      {state === 'sent' && video && may('read') && (
        <a class="button small" href={`/videos/${video.id}`}>
          {t.details}
        </a>
      )}
      {state === 'sent' && video?.playable && may('play') && (
        <a class="button primary small" href={`/watch/${video.id}`}>
          <Icon name="play" />
          {t.watch}
        </a>
      )}
      <Button kind="plain" icon="close" iconOnly onClick={() => remove(id)}>
        {state === 'sent' ? t.remove : t.cancel}
      </Button>
    </div>
  )
}

function Sending({ card }: { card: Card }) {
  const { state, sent, size, left } = card
  const part = size > 0 ? (sent / size) * 100 : 0
  const words: Record<Card['state'], string> = {
    waiting: t.waiting,
    sending: [percent(part), card.speed > 0 && speed(card.speed), left !== undefined && t.left(duration(left))].filter(Boolean).join(' \u00b7 '),
    paused: t.paused(percent(part)),
    again: card.sentence ? `${card.sentence} ${t.again}` : t.again,
    'signed-out': t.signedOut,
    failed: card.sentence ?? t.failed,
    lost: t.lost(card.name),
    sent: '',
  }
  return (
    <>
      <progress max={100} value={part} aria-label={t.progressOf(card.title)} data-state={state} />
      <p class={`small upload-line ${state === 'failed' ? 'bad' : state === 'again' || state === 'lost' ? 'warn' : 'muted'}`} role={state === 'failed' ? 'alert' : undefined}>
        <span class="number">{words[state]}</span>
        <span class="number muted">{t.sizeOf(bytes(sent), bytes(size))}</span>
      </p>
    </>
  )
}

const STAGES = ['probe', 'copy', 'encode', 'audio', 'stills', 'verify', 'publish'] as const

/** The stages of the job. */
function Making({ card, video }: { card: Card; video: VideoSummary | undefined }) {
  if (!video) return <p class="small muted">{t.arrived}</p>
  if (video.state === 'failed') {
    return (
      <p class="small bad" role="alert">
        {video.failure?.message ?? texts.states.failed}
      </p>
    )
  }
  if (video.state === 'stored') return <p class="small muted">{t.madeLater}</p>
  const isDone = video.state === 'ready' && !video.stage
  const reached = isDone ? STAGES.length : STAGES.indexOf((video.stage === 'measure' ? 'probe' : video.stage) as (typeof STAGES)[number])
  return (
    <>
      <progress max={100} value={isDone ? 100 : (video.percent ?? undefined)} aria-label={t.madeOf(card.title)} />
      <div class="upload-line small">
        <span class="row">
          <span class={`badge ${stateOf(video).tone}`}>{stateOf(video).text}</span>
          {!isDone && video.playable && <span class="good">{t.playable}</span>}
        </span>
        <ol class="stages" aria-hidden="true">
          {STAGES.map((stage, at) => (
            <li key={stage} data-state={at < reached ? 'done' : at === reached ? 'now' : 'later'} title={texts.stages[stage]} />
          ))}
        </ol>
      </div>
    </>
  )
}
