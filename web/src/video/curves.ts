// The measurements of per-title encoding as curves in a chart: bit rate to the right, score upwards.

import type { Schemas } from '../api/client'

export interface Point {
  /** 0 (left) to 1. */
  x: number
  /** 0 (top) to 1. */
  y: number
}

export interface CurveOfRung {
  name: string
  points: Point[]
  chosen: Point
  isLeftOut: boolean
}

/** Curves over all measured rates. Rates are logarithmic: each step of CRF is as wide. */
export function curves(rungs: Schemas['RungChoice'][]): CurveOfRung[] {
  const trials = rungs.flatMap((it) => it.trials)
  const rates = trials.map((it) => Math.log(Math.max(1, it.kbps)))
  const scores = trials.map((it) => it.score)
  const [left, right, low, high] = [Math.min(...rates), Math.max(...rates), Math.min(...scores), Math.max(...scores)]
  const part = (value: number, from: number, to: number) => (to > from ? Math.max(0, Math.min(1, (value - from) / (to - from))) : 0.5)
  const point = (kbps: number, score: number): Point => ({
    x: part(Math.log(Math.max(1, kbps)), left, right),
    y: 1 - part(score, low, high),
  })
  return rungs.map((it) => ({
    name: it.name,
    points: it.trials.map((trial) => point(trial.kbps, trial.score)),
    chosen: point(it.kbps, it.score),
    isLeftOut: Boolean(it.same_as),
  }))
}
