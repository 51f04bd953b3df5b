// The videos of the library: pages of a list, kept up to date.

import { batch, signal } from '@preact/signals'
import { client, data, type Schemas, type Sort, type VideoSummary } from '../api/client'

export type Filter = 'all' | 'ready' | 'working' | 'failed' | 'waiting'

/** The states behind a filter. */
export const STATES: Record<Filter, string> = {
  all: '',
  ready: 'ready,playable',
  working: 'uploading,queued,processing',
  failed: 'failed,cancelled',
  waiting: 'created,stored',
}

export interface Query {
  text: string
  filter: Filter
  sort: Sort
}

const PAGE = 100
/** The first page is small: it is on the screen sooner. */
const FIRST_PAGE = 60

export const query = signal<Query>({ text: '', filter: 'all', sort: '-created_at' })
export const items = signal<VideoSummary[]>([])
export const total = signal<number | undefined>(undefined)
export const status = signal<'loading' | 'there' | 'failed'>('loading')
export const failure = signal<unknown>(undefined)
/** Videos that are about to be deleted: not shown, and back if the user wants them back. */
export const hidden = signal<ReadonlySet<string>>(new Set())

let next: string | null | undefined
let isLoadingMore = false
/** Counts queries: answers to an earlier one are dropped. */
let current = 0

interface Parameters {
  limit: number
  sort: Sort
  q?: string
  state?: string
  cursor?: string
}

export function parameters({ text, filter, sort }: Query, limit: number, cursor?: string | null): Parameters {
  return {
    limit,
    sort,
    ...(text.trim() ? { q: text.trim() } : {}),
    ...(STATES[filter] ? { state: STATES[filter] } : {}),
    ...(cursor ? { cursor } : {}),
  }
}

const page = (limit: number, cursor?: string | null): Promise<Schemas['VideoList']> =>
  data(client.GET('/v1/videos', { params: { query: parameters(query.value, limit, cursor) } }))

/** Loads the list from its beginning. */
export async function reload(): Promise<void> {
  current += 1
  const mine = current
  if (items.value.length === 0) status.value = 'loading'
  try {
    const first = await page(FIRST_PAGE)
    if (mine !== current) return
    batch(() => {
      items.value = first.videos
      total.value = first.total
      status.value = 'there'
    })
    next = first.next_cursor
  } catch (error) {
    if (mine !== current) return
    failure.value = error
    if (items.value.length === 0) status.value = 'failed'
  }
}

export const hasMore = (): boolean => Boolean(next)

/** Loads the next page, if there is one. */
export async function loadMore(): Promise<void> {
  if (isLoadingMore || !next || status.value !== 'there') return
  isLoadingMore = true
  const mine = current
  try {
    const more = await page(PAGE, next)
    if (mine === current) {
      next = more.next_cursor
      const known = new Set(items.value.map((it) => it.id))
      items.value = [...items.value, ...more.videos.filter((it) => !known.has(it.id))]
    }
  } catch {
    // The end of the list asks again.
  }
  isLoadingMore = false
}

/** The list after a change of one video. */
export function merged(list: readonly VideoSummary[], video: VideoSummary, { filter, sort, text }: Query): VideoSummary[] | undefined {
  const at = list.findIndex((it) => it.id === video.id)
  const fits = filter === 'all' || STATES[filter].split(',').includes(video.state)
  if (video.state === 'deleted' || !fits) return at < 0 ? undefined : list.filter((it) => it.id !== video.id)
  if (at >= 0) return list.with(at, video)
  // In other orders, only the server knows the place of a new video.
  return sort === '-created_at' && !text ? [video, ...list] : undefined
}

export function change(video: VideoSummary): void {
  if (status.value !== 'there') return
  const before = items.value.length
  const list = merged(items.value, video, query.value)
  if (!list) return
  batch(() => {
    items.value = list
    if (total.value !== undefined) total.value += list.length - before
  })
}

/** Loads the beginning again, without a change of what is below: for APIs without a stream of events. */
export async function refresh(): Promise<void> {
  if (status.value !== 'there') return reload()
  const mine = current
  const first = await page(FIRST_PAGE).catch(() => null)
  if (!first || mine !== current) return
  const known = new Map(first.videos.map((it) => [it.id, it]))
  const rest = items.value.slice(first.videos.length).filter((it) => !known.has(it.id))
  // A short list is whole on the first page.
  if (!first.next_cursor) next = null
  batch(() => {
    items.value = first.next_cursor ? [...first.videos, ...rest] : first.videos
    total.value = first.total
  })
}
