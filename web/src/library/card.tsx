// One video in the library: as a card, or as a row.

import type { VideoSummary } from '../api/client'
import { may } from '../api/session'
import { ago, bytes, clock, exactTime } from '../format'
import { texts } from '../texts'
import { nameOf, stateOf } from '../video/names'
import { selected, toggle } from './selection'
import { query } from './store'
import { Poster } from './poster'

const t = texts.library

function Choose({ video }: { video: VideoSummary }) {
  return (
    <input
      type="checkbox"
      class="choose"
      aria-label={t.select(nameOf(video))}
      checked={selected.value.has(video.id)}
      onClick={(event) => toggle(video.id, event.shiftKey)}
    />
  )
}

const target = (video: VideoSummary): string => {
  const { text, where } = query.value
  // The page of the video lists the minutes in which it is said.
  if (where === 'captions' && text.trim()) return `/videos/${video.id}?said=${encodeURIComponent(text.trim())}`
  return video.playable && may('play') ? `/watch/${video.id}` : `/videos/${video.id}`
}

/** Only what is not simply ready is worth a word. */
function State({ video, always }: { video: VideoSummary; always?: boolean }) {
  const { text, tone } = stateOf(video)
  if (!always && video.state === 'ready' && tone === 'good' && text === texts.states.ready) return null
  return <span class={`badge ${tone}`}>{text}</span>
}

export function VideoCard({ video }: { video: VideoSummary }) {
  const name = nameOf(video)
  return (
    <article class="video-card" data-selected={selected.value.has(video.id)} aria-label={name}>
      <a class="video-poster" href={target(video)} tabIndex={-1} aria-hidden="true">
        <Poster video={video} />
        {video.duration_seconds ? <span class="length">{clock(video.duration_seconds)}</span> : null}
        {video.percent !== null && video.percent !== undefined && video.percent < 100 && <progress max={100} value={video.percent} />}
      </a>
      <Choose video={video} />
      <div class="video-text">
        <a class="video-title truncate quiet-link" href={target(video)} dir="auto" title={name}>
          {name}
        </a>
        <div class="video-line small muted">
          <State video={video} />
          <span class="truncate" title={exactTime(video.created_at)}>
            {[ago(video.created_at), video.source.size ? bytes(video.source.size) : undefined].filter(Boolean).join(' \u00b7 ')}
          </span>
          <a class="details" href={`/videos/${video.id}`} aria-label={t.detailsOf(name)}>
            {t.details}
          </a>
        </div>
      </div>
    </article>
  )
}

export function VideoRow({ video }: { video: VideoSummary }) {
  const name = nameOf(video)
  return (
    <div class="video-row" role="row" data-selected={selected.value.has(video.id)}>
      <div role="cell">
        <Choose video={video} />
      </div>
      <div role="cell" class="row-title">
        <a href={target(video)} tabIndex={-1} aria-hidden="true" class="row-poster">
          <Poster video={video} />
        </a>
        <a class="video-title truncate quiet-link" href={target(video)} dir="auto" title={name}>
          {name}
        </a>
      </div>
      <div role="cell">
        <State video={video} always />
      </div>
      <div role="cell" class="number wide">
        {video.duration_seconds ? clock(video.duration_seconds) : '\u2013'}
      </div>
      <div role="cell" class="number wide">
        {video.source.size ? bytes(video.source.size) : '\u2013'}
      </div>
      <div role="cell" class="wide" title={exactTime(video.created_at)}>
        {ago(video.created_at)}
      </div>
      <div role="cell">
        <a class="button small" href={`/videos/${video.id}`} aria-label={t.detailsOf(name)}>
          {t.details}
        </a>
      </div>
    </div>
  )
}
