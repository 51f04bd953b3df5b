// The objects that are being converted.

import { bytes, count } from '../format'
import { texts } from '../texts'
import { Button } from '../ui/kit'
import { isBusy, stateOf } from '../video/names'
import { nameOfKey } from './plan'
import type { Line } from './run'

const t = texts.convert

interface Props {
  lines: Line[]
  isRunning: boolean
  onStop: () => void
  onReport: () => void
}

export function Progress({ lines, isRunning, onStop, onReport }: Props) {
  const done = lines.filter(({ video, problem }) => problem || (video && !isBusy(video))).length
  const failed = lines.filter(({ video, problem }) => problem || video?.failure).length
  return (
    <section class="card stack">
      <div class="row">
        <h2 class="grow">
          {t.progress(count(done), count(lines.length))} {failed > 0 && <span class="badge bad">{t.failed(failed)}</span>}
        </h2>
        {isRunning && (
          <Button size="small" onClick={onStop}>
            {t.stop}
          </Button>
        )}
        <Button size="small" icon="download" onClick={onReport}>
          {t.report}
        </Button>
      </div>
      <progress max={lines.length} value={done} aria-label={t.progress(count(done), count(lines.length))} />
      <ul class="lines follow">
        {lines.map(({ object, video, problem }) => (
          <li key={object.key} class="row">
            <span class="grow truncate" dir="auto" title={object.key}>
              {video ? <a href={`/videos/${video.id}`}>{nameOfKey(object.key)}</a> : nameOfKey(object.key)}
            </span>
            <span class="muted small number">{bytes(object.size)}</span>
            {problem && <span class="bad small">{problem}</span>}
            {video && <span class={`badge ${stateOf(video).tone}`}>{stateOf(video).text}</span>}
            {video?.failure && <span class="bad small">{video.failure.message}</span>}
            {!video && !problem && <span class="badge">{t.waiting}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}
