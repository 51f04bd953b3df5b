// What the transcoder did, as bars over time: the stages and chunks of each attempt.

import { useEffect, useRef } from 'preact/hooks'
import { client, data, type Schemas, type Timeline, type Video } from '../api/client'
import { duration, exactTime } from '../format'
import { texts } from '../texts'
import { useLoaded } from '../ui/load'
import { bars, type Lane } from './bars'

const t = texts.video.timeline
const PAUSE_MS = 3_000

export function TimelineCard({ video }: { video: Video }) {
  const [state, again] = useLoaded<Timeline | null>(video.id, () =>
    data(client.GET('/v1/videos/{video}/timeline', { params: { path: { video: video.id } } })).catch(() => null),
  )
  // A video that is processed changes all the time.
  const waits = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    waits.current ??= setTimeout(() => {
      waits.current = undefined
      void again()
    }, PAUSE_MS)
  }, [video.updated_at])
  useEffect(() => () => clearTimeout(waits.current), [])
  if (video.attempts.length === 0) return null
  const timeline = state.value.kind === 'there' ? state.value.value : null
  return (
    <section class="card">
      <h2>{t.title}</h2>
      <div class="stack wide-gap">
        {[...video.attempts].reverse().map((it) => (
          <AttemptBars key={it.number} attempt={it} timeline={timeline} />
        ))}
      </div>
      {timeline?.ffmpeg_log && (
        <details open={video.state === 'failed'} class="log-box">
          <summary>{t.log}</summary>
          <pre class="log" tabIndex={0}>
            {timeline.ffmpeg_log}
          </pre>
        </details>
      )}
    </section>
  )
}

function AttemptBars({ attempt, timeline }: { attempt: Schemas['Attempt']; timeline: Timeline | null }) {
  const known = timeline?.attempts.find((it) => it.number === attempt.number)
  const start = Date.parse(attempt.started_at)
  const end = attempt.ended_at ? Date.parse(attempt.ended_at) : Date.now()
  const lanes = known ? bars(known, start, end) : []
  const outcome = attempt.outcome ? t.outcomes[attempt.outcome] : t.running
  return (
    <div class="attempt">
      <div class="row">
        <h3>{t.attempt(attempt.number)}</h3>
        <span class={`badge ${attempt.outcome === 'ready' ? 'good' : attempt.outcome === 'failed' ? 'bad' : 'busy'}`}>{outcome}</span>
        <span class="muted small number">
          {exactTime(attempt.started_at)} {'\u00b7'} {duration((end - start) / 1000)}
        </span>
      </div>
      {attempt.failure && <p class="bad">{attempt.failure.message}</p>}
      {lanes.length > 0 && (
        <div class="lanes" role="list">
          {lanes.map((lane) => (
            <LaneRow key={lane.name} lane={lane} />
          ))}
        </div>
      )}
    </div>
  )
}

function LaneRow({ lane }: { lane: Lane }) {
  const label = `${lane.name}: ${lane.bars.map((it) => duration(it.seconds)).join(', ')}`
  return (
    <div class="lane" role="listitem" aria-label={label}>
      <span class="lane-name truncate small">{lane.name}</span>
      <div class="lane-track">
        {lane.bars.map((bar, at) => (
          <div
            key={at}
            class={`lane-bar ${lane.kind}`}
            data-open={bar.isOpen}
            title={`${bar.label}: ${duration(bar.seconds)}`}
            style={{ left: `min(${bar.from * 100}%, 100% - 3px)`, width: `max(3px, ${(bar.to - bar.from) * 100}%)` }}
          />
        ))}
      </div>
      <span class="lane-time small muted number">{duration(lane.seconds)}</span>
    </div>
  )
}
