// The quality of the rungs that per-title encoding measured, and its choices.

import type { Schemas, Video } from '../api/client'
import { bitrate, duration } from '../format'
import { texts } from '../texts'
import { curves, type Point } from './curves'

const t = texts.video.perTitle
const [WIDTH, HEIGHT, EDGE] = [320, 130, 14]

export function PerTitleCard({ video }: { video: Video }) {
  const measured = video.receipt?.per_title
  if (!measured) return null
  const { measure, skipped, rungs = [] } = measured
  return (
    <section class="card">
      <h2>{t.title}</h2>
      {skipped && <p class="muted">{t.skipped(t.reasons[skipped])}</p>}
      {measure && rungs.length > 0 && (
        <>
          <Chart measure={t.measures[measure]} rungs={rungs} />
          <div class="scroll-x" tabIndex={0} role="region" aria-label={t.title}>
            <table class="table">
              <thead>
                <tr>
                  <th>{t.rung}</th>
                  <th class="end">{t.crf}</th>
                  <th class="end">{t.measures[measure]}</th>
                  <th class="end">{t.rate}</th>
                  <th class="end">{t.byProfile}</th>
                </tr>
              </thead>
              <tbody class="number">
                {rungs.map((it) => (
                  <Row key={it.name} rung={it} digits={measure === 'ssim' ? 3 : 1} />
                ))}
              </tbody>
            </table>
          </div>
          <p class="muted small">{t.samples(measured.samples, duration(measured.wall_ms / 1000))}</p>
        </>
      )}
    </section>
  )
}

function Row({ rung, digits }: { rung: Schemas['RungChoice']; digits: number }) {
  return (
    <tr>
      <td>
        <strong>{rung.name}</strong>
      </td>
      {rung.same_as ? (
        <td colSpan={4} class="muted">
          {t.leftOut(rung.same_as)}
        </td>
      ) : (
        <>
          <td class="end">{rung.crf}</td>
          <td class="end">{rung.score.toFixed(digits)}</td>
          <td class="end">{bitrate(rung.kbps * 1000)}</td>
          <td class="end muted">{bitrate(rung.profile_kbps * 1000)}</td>
        </>
      )}
    </tr>
  )
}

/** A curve for each rung, with its name at the lower end; a dot is its choice. */
function Chart({ measure, rungs }: { measure: string; rungs: Schemas['RungChoice'][] }) {
  const at = ({ x, y }: Point) => [EDGE + x * (WIDTH - 2 * EDGE), EDGE + y * (HEIGHT - 2 * EDGE)] as const
  return (
    <svg class="curves" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t.chart(measure)}>
      <text x="4" y="9">
        {measure}
      </text>
      <text x={WIDTH - 4} y={HEIGHT - 4} text-anchor="end">
        {t.rate}
      </text>
      {curves(rungs).map((it) => {
        const [x, y] = at(it.chosen)
        const lowest = it.points.map(at).at(-1)
        return (
          <g key={it.name} data-left-out={it.isLeftOut}>
            <polyline points={it.points.map((point) => at(point).join(',')).join(' ')} />
            {!it.isLeftOut && <circle cx={x} cy={y} r="3" />}
            {lowest && (
              <text x={lowest[0] + 7} y={lowest[1] + 3}>
                {it.name}
              </text>
            )}
          </g>
        )
      })}
    </svg>
  )
}
