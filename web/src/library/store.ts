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
  /** Where `text` is sought: in titles, or in captions. */
  where: 'titles' | 'captions'
  filter: Filter
  sort: Sort
}

/** The largest page of the API: the way into a long list is short. */
const PAGE = 200
/** The first page is small: it is on the screen sooner. */
const FIRST_PAGE = 60
/** Events arrive in bursts: one update of the list for all of them. */
const BURST_MS = 100
const RETRY_MS = 2_000

export const query = signal<Query>({ text: '', where: 'titles', filter: 'all', sort: '-created_at' })
export const items = signal<VideoSummary[]>([])
export const total = signal<number | undefined>(undefined)
/** The API stopped counting at `total`: the list may have more videos. */
export const isLowerBound = signal(false)
export const status = signal<'loading' | 'there' | 'failed'>('loading')
export const failure = signal<unknown>(undefined)
/** Videos that are about to be deleted: not shown, and back if the user wants them back. */
export const hidden = signal<ReadonlySet<string>>(new Set())

/** Counts pages that could not be loaded: the list asks again. */
export const failures = signal(0)

let next: string | null | undefined
/** The query whose next page is loading. */
let loading: number | undefined
/** Counts queries: answers to an earlier one are dropped. */
let current = 0

interface Parameters {
  limit: number
  sort: Sort
  q?: string
  text?: string
  state?: string
  cursor?: string
}

export function parameters({ text, where, filter, sort }: Query, limit: number, cursor?: string | null): Parameters {
  return {
    limit,
    sort,
    ...(text.trim() ? { [where === 'titles' ? 'q' : 'text']: text.trim() } : {}),
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
      isLowerBound.value = first.total_is_lower_bound ?? false
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
  if (loading === current || !next || status.value !== 'there') return
  const mine = current
  loading = mine
  try {
    const more = await page(PAGE, next)
    if (mine !== current) return
    next = more.next_cursor
    loading = undefined
    const known = new Set(items.value.map((it) => it.id))
    items.value = [...items.value, ...more.videos.filter((it) => !known.has(it.id))]
  } catch {
    setTimeout(() => {
      if (loading === mine) loading = undefined
      failures.value += 1
    }, RETRY_MS)
  }
}

const fits = (video: VideoSummary, filter: Filter): boolean =>
  video.state !== 'deleted' && (filter === 'all' || STATES[filter].split(',').includes(video.state))

/** The list after changes, by id. `isWhole`: it has no further pages. `undefined`: nothing has changed. */
export function merged(
  list: readonly VideoSummary[],
  changes: ReadonlyMap<string, VideoSummary>,
  { filter, sort, text }: Query,
  isWhole = true,
): VideoSummary[] | undefined {
  const others = new Map(changes)
  let isChanged = false
  const next: VideoSummary[] = []
  for (const video of list) {
    const changed = changes.get(video.id)
    others.delete(video.id)
    if (changed) isChanged = true
    if (!changed || fits(changed, filter)) next.push(changed ?? video)
  }
  // In other orders, only the server knows the place of a new video. Ids begin with the time.
  const last = list.at(-1)?.id
  const isLoaded = ({ id }: VideoSummary) => isWhole || last === undefined || id > last
  const added = sort === '-created_at' && !text ? [...others.values()].filter((it) => fits(it, filter) && isLoaded(it)) : []
  if (added.length === 0) return isChanged ? next : undefined
  return [...next, ...added].sort((a, b) => (a.id < b.id ? 1 : -1))
}

const changes = new Map<string, VideoSummary>()
let burst: ReturnType<typeof setTimeout> | undefined

export function change(video: VideoSummary): void {
  changes.set(video.id, video)
  burst ??= setTimeout(applyChanges, BURST_MS)
}

function applyChanges(): void {
  burst = undefined
  const { filter, sort, text } = query.value
  const known = new Set(items.value.map((it) => it.id))
  const isNew = (it: VideoSummary): boolean => fits(it, filter) && !known.has(it.id)
  if ((sort !== '-created_at' || text) && [...changes.values()].some(isNew)) refreshSoon()
  const list = status.value === 'there' ? merged(items.value, changes, query.value, !next) : undefined
  changes.clear()
  if (!list) return
  batch(() => {
    if (total.value !== undefined) total.value += list.length - items.value.length
    items.value = list
  })
}

let soon: ReturnType<typeof setTimeout> | undefined
/** A new video has its place somewhere in this order. Many changes cost one request per second. */
function refreshSoon(): void {
  soon ??= setTimeout(() => {
    soon = undefined
    void refresh()
  }, 1000)
}

/** A list whose first page was loaded again. New videos have moved the others. */
export function withFirstPage(list: readonly VideoSummary[], first: readonly VideoSummary[]): VideoSummary[] {
  const known = new Set(first.map((it) => it.id))
  const last = list.findIndex((it) => it.id === first.at(-1)?.id)
  return [...first, ...list.slice(last + 1).filter((it) => !known.has(it.id))]
}

/** Loads the beginning again, without a change of what is below: for APIs without a stream of events. */
export async function refresh(): Promise<void> {
  if (status.value !== 'there') return reload()
  const mine = current
  const first = await page(FIRST_PAGE).catch(() => null)
  if (!first || mine !== current) return
  // A short list is whole on the first page.
  if (!first.next_cursor) next = null
  batch(() => {
    items.value = first.next_cursor ? withFirstPage(items.value, first.videos) : first.videos
    total.value = first.total
    isLowerBound.value = first.total_is_lower_bound ?? false
  })
}
