// The bars of the views per day.

import type { Schemas } from '../api/client'

export interface ViewBar {
  /** The beginning of the day in UTC, milliseconds since 1970. */
  day: number
  views: number
  /** 0 to 1, of the highest bar. */
  height: number
}

const DAY_MS = 86_400_000

/** A bar for each day of the period: the API leaves out days without a view. */
export function viewBars({ from, to, series }: Pick<Schemas['VideoViews'], 'from' | 'to' | 'series'>): ViewBar[] {
  const views = new Map(series.map((it) => [Date.parse(it.at), it.views]))
  const highest = Math.max(1, ...views.values())
  const days = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS))
  return Array.from({ length: days }, (_, at) => {
    const day = Date.parse(from) + at * DAY_MS
    const count = views.get(day) ?? 0
    return { day, views: count, height: count / highest }
  })
}
