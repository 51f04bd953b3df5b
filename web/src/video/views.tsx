// What was watched, and how well: the last 30 days.

import { client, data, type Schemas } from '../api/client'
import { bitrate, count, duration, percent, utcDate } from '../format'
import { texts } from '../texts'
import { useLoaded } from '../ui/load'
import { viewBars } from './view-bars'

const t = texts.video.views
/** Of the chart, in units of its `viewBox`. */
const [BAR, GAP, HEIGHT] = [8, 2, 60]

export function ViewsCard({ video }: { video: string }) {
  // Without the right to read them, or while the API cannot be reached, the page does without.
  const [state] = useLoaded<Schemas['VideoViews'] | null>(video, () =>
    data(client.GET('/v1/videos/{video}/views', { params: { path: { video } } })).catch(() => null),
  )
  const found = state.value.kind === 'there' ? state.value.value : null
  if (!found) return null
  // The edge worker counts elsewhere, so this is not "no views".
  if (found.series.length === 0) {
    return (
      <section class="card views">
        <h2>{t.title}</h2>
        <p class="muted">{t.none}</p>
      </section>
    )
  }
  const { total } = found
  const refused = Object.values(total.refusals).reduce((sum, it) => sum + it, 0)
  const seconds = (value: number) => t.seconds(value.toFixed(1))
  const rows: [string, string | undefined][] = [
    [t.views, count(total.views)],
    [t.watched, duration(total.watched_seconds)],
    [t.startup, total.startup ? t.startupIs(seconds(total.startup.p50_seconds), seconds(total.startup.p95_seconds)) : undefined],
    [t.stalls, total.stall_ratio == null ? undefined : t.stallsAre(count(total.stalls), percentOf(total.stall_ratio))],
    [t.bitrate, total.average_bitrate ? bitrate(total.average_bitrate) : undefined],
    [t.refused, refused > 0 ? t.refusedBy(count(refused), reasons(total.refusals)) : undefined],
  ]
  return (
    <section class="card views">
      <h2>{t.title}</h2>
      <Chart found={found} />
      <dl class="facts number">
        {rows.map(
          ([name, value]) =>
            value !== undefined && (
              <>
                <dt key={name}>{name}</dt>
                <dd>{value}</dd>
              </>
            ),
        )}
      </dl>
      <p class="muted small">{t.note}</p>
    </section>
  )
}

const percentOf = (part: number): string => (part > 0 && part < 0.01 ? t.lessThan(percent(1)) : percent(part * 100))

/** The most frequent codes. */
function reasons(refusals: Record<string, number>): string {
  const all = Object.entries(refusals).sort(([, a], [, b]) => b - a)
  return all.slice(0, 3).map(([code]) => code).join(', ')
}

function Chart({ found }: { found: Schemas['VideoViews'] }) {
  const bars = viewBars(found)
  const width = bars.length * (BAR + GAP)
  if (bars.length === 0) return null
  return (
    <svg class="views-chart" viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t.chart(count(found.total.views), bars.length)}>
      {bars.map((it, at) => {
        const height = it.views === 0 ? 1 : Math.max(2, it.height * HEIGHT)
        return (
          <rect key={it.day} class={it.views === 0 ? 'none' : ''} x={at * (BAR + GAP)} y={HEIGHT - height} width={BAR} height={height}>
            <title>{t.day(utcDate(it.day), count(it.views))}</title>
          </rect>
        )
      })}
    </svg>
  )
}
