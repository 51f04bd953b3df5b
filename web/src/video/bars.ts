// The bars of a timeline, as parts of its length.

import type { Timeline } from '../api/client'
import { texts } from '../texts'

export interface Bar {
  label: string
  /** 0 to 1. */
  from: number
  to: number
  seconds: number
  isOpen: boolean
}

export interface Lane {
  name: string
  kind: 'stage' | 'chunk'
  bars: Bar[]
  /** From the first to the last. */
  seconds: number
}

type Span = { started_at: string; ended_at?: string | null }

/** One lane for each stage, and one for the chunks of each rung. */
export function bars(attempt: Timeline['attempts'][number], start: number, end: number): Lane[] {
  const length = Math.max(1, end - start)
  const bar = (label: string, span: Span): Bar => {
    const from = Date.parse(span.started_at)
    const to = span.ended_at ? Date.parse(span.ended_at) : end
    const part = (at: number) => Math.max(0, Math.min(1, (at - start) / length))
    return { label, from: part(from), to: part(to), seconds: Math.max(0, to - from) / 1000, isOpen: !span.ended_at }
  }
  const lane = (name: string, kind: Lane['kind'], all: Bar[]): Lane => {
    const [from, to] = [Math.min(...all.map((it) => it.from)), Math.max(...all.map((it) => it.to))]
    return { name, kind, bars: all, seconds: ((to - from) * length) / 1000 }
  }
  const stages = attempt.stages.map((it) => lane(texts.stages[it.stage], 'stage', [bar(texts.stages[it.stage], it)]))
  const rungs = [...new Set(attempt.chunks.map((it) => it.rung))]
  const chunks = rungs.map((rung) => {
    const own = attempt.chunks.filter((it) => it.rung === rung)
    return lane(texts.video.timeline.chunks(rung in texts.stages ? texts.stages[rung as keyof typeof texts.stages] : rung), 'chunk', own.map((it) => bar(texts.video.timeline.chunk(it.number + 1), it)))
  })
  return [...stages, ...chunks]
}
