// The renditions of a video, with what was measured in them.

import type { Video } from '../api/client'
import { bitrate } from '../format'
import { texts } from '../texts'

const t = texts.video.renditions
const NONE = '\u2013'

export function Renditions({ video }: { video: Video }) {
  if (video.renditions.length === 0) return null
  return (
    <section class="card">
      <h2>{t.title}</h2>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={t.title}>
        <table class="table">
          <thead>
            <tr>
              <th>{t.name}</th>
              <th>{t.resolution}</th>
              <th class="end">{t.average}</th>
              <th class="end">{t.peak}</th>
              <th>{t.codecs}</th>
              <th>{t.state}</th>
            </tr>
          </thead>
          <tbody class="number">
            {video.renditions.map((it) => (
              <tr key={it.name}>
                <td>
                  <strong>{it.name}</strong> {it.copied && <span class="badge">{t.copied}</span>}
                  {it.hdr && <span class="badge">{t.hdr[it.hdr]}</span>}
                </td>
                <td>
                  {it.width && it.height ? `${it.width} \u00d7 ${it.height}` : t.kinds[it.kind]}
                  {it.frame_rate ? <span class="muted"> {t.fps(Math.round(it.frame_rate * 100) / 100)}</span> : null}
                </td>
                <td class="end">{it.average_bandwidth ? bitrate(it.average_bandwidth) : NONE}</td>
                <td class="end">{it.bandwidth ? bitrate(it.bandwidth) : NONE}</td>
                <td>
                  <code>{it.codecs ?? NONE}</code>
                </td>
                <td>
                  <span class={`badge ${it.state === 'complete' ? 'good' : it.state === 'playable' ? 'busy' : ''}`}>{t.states[it.state]}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
