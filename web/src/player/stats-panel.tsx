// "Stats for nerds".

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { player as texts } from '../texts'
import { bitrate, count, exactTime } from '../format'
import type { EdgereelPlayer } from './element'
import { Icon } from './icons'
import { bufferedAhead } from './stats'

type Stats = EdgereelPlayer['stats']
export type StatsSource = () => Stats

const NONE = '\u2013'

function rows(stats: Stats): [string, string][] {
  const { rung, resolution, viewport, firstFrame } = stats
  const t = texts.statsRows
  return [
    [t.engine, stats.engine ?? NONE],
    [t.rung, rung ? [rung.height > 0 ? `${rung.height}p` : '', bitrate(rung.bitrate)].filter(Boolean).join(', ') : NONE],
    [t.codecs, rung?.codecs || NONE],
    [t.resolution, `${resolution.join('\u00d7')} ${t.in} ${viewport.join('\u00d7')}`],
    [t.buffer, texts.precise(bufferedAhead(stats.buffered, stats.position))],
    [t.frames, t.dropped(count(stats.dropped), count(stats.frames))],
    [t.throughput, stats.throughput ? bitrate(stats.throughput) : NONE],
    [t.firstFrame, firstFrame === undefined ? NONE : `${count(firstFrame)} ms`],
    [t.stalls, t.stalled(count(stats.stalls), texts.precise(stats.stalledSeconds))],
    [t.grant, stats.grantEnds ? t.renewed(exactTime(stats.grantEnds), count(stats.renewals)) : NONE],
  ]
}

export function StatsPanel({ source, onClose }: { source: StatsSource; onClose: () => void }) {
  const stats = useSignal(source())
  useEffect(() => {
    const timer = setInterval(() => (stats.value = source()), 500)
    return () => clearInterval(timer)
  }, [])
  return (
    <section class="stats" aria-label={texts.stats}>
      <button type="button" class="control" aria-label={texts.close} onClick={onClose}>
        <Icon name="close" />
      </button>
      <dl>
        {rows(stats.value).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
