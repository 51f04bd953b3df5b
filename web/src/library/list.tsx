// The list of the library: only what is on the screen is in the page.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { VideoSummary } from '../api/client'
import type { Sort } from '../api/client'
import { texts } from '../texts'
import { VideoCard, VideoRow } from './card'
import { failures, hasMore, hidden, items, loadMore, query, total } from './store'
import { columnsOf, isNearEnd, visible } from './window'

const t = texts.library
const GAP = 20
/** Sizes grow with the text: on very large screens, and where the reader sets a larger font. */
const REM = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1
const CARD = 250 * REM
const CARD_TEXT = Math.round(82 * REM)
const ROW = Math.round(64 * REM)

export type View = 'grid' | 'table'

export function List({ view }: { view: View }) {
  const box = useRef<HTMLDivElement>(null)
  const place = useSignal({ width: 0, scrolled: 0, viewport: innerHeight })
  const shown = hidden.value.size > 0 ? items.value.filter((it) => !hidden.value.has(it.id)) : items.value
  // The list is as long as all its pages, so that the scroll bar leads to any place of it.
  const length = hasMore() ? Math.max(shown.length, (total.value ?? 0) - hidden.value.size) : shown.length
  void failures.value

  useEffect(() => {
    const measure = () => {
      const rectangle = box.current?.getBoundingClientRect()
      if (!rectangle) return
      const next = { width: rectangle.width, scrolled: Math.max(0, -rectangle.top), viewport: innerHeight }
      const { width, scrolled, viewport } = place.value
      if (width !== next.width || scrolled !== next.scrolled || viewport !== next.viewport) place.value = next
    }
    const observer = new ResizeObserver(measure)
    if (box.current) observer.observe(box.current)
    addEventListener('scroll', measure, { passive: true })
    addEventListener('resize', measure)
    measure()
    return () => {
      observer.disconnect()
      removeEventListener('scroll', measure)
      removeEventListener('resize', measure)
    }
  }, [])

  const { width, scrolled, viewport } = place.value
  const columns = view === 'grid' ? columnsOf(width, Math.min(CARD, width), GAP) : 1
  const cardWidth = (width - GAP * (columns - 1)) / columns
  const rowHeight = view === 'grid' ? Math.round((cardWidth * 9) / 16) + CARD_TEXT + GAP : ROW
  const layout = { count: length, columns, rowHeight, scrolled, viewport }
  const isLoading = width > 0 && isNearEnd({ ...layout, count: shown.length }) && hasMore()
  // After a page that a search could not fill, this loads the next one, until the screen is full.
  useEffect(() => {
    if (isLoading) void loadMore()
  })
  const { first, end, top, height } = width > 0 ? visible(layout) : { first: 0, end: 0, top: 0, height: 0 }
  const part = shown.slice(first, end)
  const missing = Array.from({ length: end - Math.max(first, Math.min(end, shown.length)) }, (_, at) => at)

  return (
    <>
      <div class={`list ${view}`} role={view === 'table' ? 'table' : undefined} aria-rowcount={view === 'table' ? length : undefined} aria-label={t.title}>
        {view === 'table' && <Head />}
        <div ref={box} class="list-box" role={view === 'table' ? 'rowgroup' : undefined} style={{ height: `${height}px` }}>
          <div
            class="list-window"
            role={view === 'table' ? 'presentation' : undefined}
            style={{
              transform: `translateY(${top}px)`,
              ...(view === 'grid' ? { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridAutoRows: `${rowHeight - GAP}px`, gap: `${GAP}px` } : {}),
            }}
          >
            {part.map((video: VideoSummary) => (view === 'grid' ? <VideoCard key={video.id} video={video} /> : <VideoRow key={video.id} video={video} />))}
            {missing.map((at) => (
              <div key={at} class="video-missing" aria-hidden="true" />
            ))}
          </div>
        </div>
      </div>
      {isLoading && query.value.text.trim() && (
        <p class="muted searching" role="status">
          {t.searching(shown.length)}
        </p>
      )}
    </>
  )
}

const COLUMNS: { key?: Exclude<Sort, `-${string}`>; label: string; isWide?: boolean }[] = [
  { label: '' },
  { key: 'title', label: t.columns.title },
  { label: t.columns.state },
  { key: 'duration', label: t.columns.duration, isWide: true },
  { key: 'size', label: t.columns.size, isWide: true },
  { key: 'created_at', label: t.columns.created, isWide: true },
  { label: '' },
]

function Head() {
  const { sort } = query.value
  return (
    <div class="video-row head" role="row">
      {COLUMNS.map(({ key, label, isWide }, at) => {
        const direction = key === undefined ? undefined : sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : 'none'
        return (
          <div key={at} role="columnheader" aria-sort={direction} class={isWide ? 'wide' : ''}>
            {key === undefined ? (
              label || <span class="visually-hidden">{at === 0 ? t.columns.choose : t.columns.actions}</span>
            ) : (
              <button
                type="button"
                class="sort"
                onClick={() => (query.value = { ...query.value, sort: direction === 'descending' ? key : `-${key}` })}
              >
                {label}
                <span aria-hidden="true">{direction === 'ascending' ? '\u2191' : direction === 'descending' ? '\u2193' : ''}</span>
              </button>
            )}
          </div>
        )
      })}
    </div>
  )
}
