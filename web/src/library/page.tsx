// `/`: all videos.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { subscribe } from '../api/live'
import type { Sort } from '../api/client'
import { sentence } from '../api/problem'
import { may, session } from '../api/session'
import { count } from '../format'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { Button, Empty, Notice } from '../ui/kit'
import { useTitle } from '../ui/page'
import { ReencodeDialog } from '../video/reencode'
import { List, type View } from './list'
import { chosen, deleteLater, mayReencode, mayRetry, reencodeAll, retryAll, selectAll, selected, selectNone } from './selection'
import { change, failure, type Filter, hasMore, hidden, isLowerBound, items, query, type Query, refresh, reload, status, total } from './store'
import './library.css'

const t = texts.library
const VIEW = 'edgereel.view'

function storedView(): View {
  try {
    return localStorage.getItem(VIEW) === 'table' ? 'table' : 'grid'
  } catch {
    return 'grid'
  }
}

export default function Library() {
  useTitle(t.title)
  const view = useSignal<View>(storedView())
  const { text, where, filter, sort } = query.value
  const last = useRef<Query>(undefined)
  const isSignedIn = session.value.kind === 'signed-in'
  useEffect(() => {
    if (!isSignedIn) return
    const timer = setTimeout(() => void reload(), text ? 180 : 0)
    // Another list begins at its top.
    if (last.current && last.current !== query.value) scrollTo({ top: 0 })
    last.current = query.value
    return () => clearTimeout(timer)
  }, [text, where, filter, sort, isSignedIn])
  useEffect(() => subscribe(change, () => void refresh()), [])
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && selected.value.size > 0) selectNone()
      const isTyping = event.target instanceof HTMLInputElement && event.target.type !== 'checkbox'
      if (event.key === '/' && !isTyping) {
        event.preventDefault()
        document.getElementById('search')?.focus()
      }
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])
  const setView = (next: View) => {
    view.value = next
    try {
      localStorage.setItem(VIEW, next)
    } catch {
      // Storage is off: the view lasts as long as the page.
    }
  }
  const number = Math.max(total.value ?? 0, items.value.length) - hidden.value.size
  const more = isLowerBound.value && hasMore() ? '+' : ''
  // A search that goes on and has found nothing yet.
  const known = number <= 0 && more ? '' : `${count(Math.max(0, number))}${more}`
  return (
    <main id="main" class="page" tabIndex={-1}>
      <div class="page-head">
        <h1>
          {t.title} {status.value === 'there' && <span class="muted number library-count">{known}</span>}
        </h1>
        <div class="grow" />
        {may('upload') && (
          <a class="button primary" href="/upload">
            <Icon name="upload" />
            {t.upload}
          </a>
        )}
      </div>
      <Toolbar view={view.value} setView={setView} />
      <Content view={view.value} />
      {selected.value.size > 0 && <SelectionBar />}
    </main>
  )
}

const FILTERS: Filter[] = ['all', 'ready', 'working', 'failed', 'waiting']
const SORTS: Sort[] = ['-created_at', 'created_at', 'title', '-duration', 'duration', '-size', 'size']

function Toolbar({ view, setView }: { view: View; setView: (view: View) => void }) {
  const { text, where, filter, sort } = query.value
  const inCaptions = where === 'captions'
  const hint = inCaptions ? t.searchCaptions : t.search
  return (
    <div class="toolbar" role="search">
      <div class="search">
        <Icon name="search" />
        <input
          id="search"
          class="input"
          type="search"
          placeholder={hint}
          aria-label={hint}
          value={text}
          onInput={(event) => (query.value = { ...query.value, text: event.currentTarget.value })}
        />
        <button
          type="button"
          class="where"
          aria-pressed={inCaptions}
          title={t.inCaptions}
          onClick={() => (query.value = { ...query.value, where: inCaptions ? 'titles' : 'captions' })}
        >
          {texts.video.captions.title}
        </button>
      </div>
      <div class="filters" role="group" aria-label={t.filter}>
        {FILTERS.map((it) => (
          <button type="button" key={it} class="filter" aria-pressed={filter === it} onClick={() => (query.value = { ...query.value, filter: it })}>
            {t.filters[it]}
          </button>
        ))}
      </div>
      <div class="grow" />
      <select class="input" aria-label={t.sort} value={sort} onChange={(event) => (query.value = { ...query.value, sort: event.currentTarget.value as Sort })}>
        {SORTS.map((it) => (
          <option key={it} value={it}>
            {t.sorts[it as keyof typeof t.sorts]}
          </option>
        ))}
      </select>
      <div class="row views" role="group" aria-label={t.view}>
        <Button icon="grid" iconOnly aria-pressed={view === 'grid'} onClick={() => setView('grid')}>
          {t.grid}
        </Button>
        <Button icon="table" iconOnly aria-pressed={view === 'table'} onClick={() => setView('table')}>
          {t.table}
        </Button>
      </div>
    </div>
  )
}

function Content({ view }: { view: View }) {
  const { text, filter } = query.value
  if (status.value === 'failed') {
    return (
      <Notice kind="danger">
        <p>{sentence(failure.value)}</p>
        <Button size="small" onClick={() => void reload()}>
          {texts.tryAgain}
        </Button>
      </Notice>
    )
  }
  if (status.value === 'loading') return <Skeleton view={view} />
  if (items.value.every((it) => hidden.value.has(it.id)) && !hasMore()) {
    if (text || filter !== 'all') {
      return (
        <Empty icon="search" title={t.nothingFound}>
          <Button onClick={() => (query.value = { ...query.value, text: '', where: 'titles', filter: 'all' })}>{t.showAll}</Button>
        </Empty>
      )
    }
    return (
      <Empty icon="film" title={t.empty}>
        <p>{t.emptyNote}</p>
        {may('upload') && (
          <a class="button primary" href="/upload">
            {t.upload}
          </a>
        )}
      </Empty>
    )
  }
  return <List view={view} />
}

function Skeleton({ view }: { view: View }) {
  return (
    <div class={`skeleton ${view}`} aria-busy="true" aria-label={texts.loading}>
      {Array.from({ length: 10 }, (_, at) => (
        <div key={at} />
      ))}
    </div>
  )
}

function SelectionBar() {
  const all = chosen()
  const failed = all.filter(mayRetry)
  const ready = all.filter(mayReencode)
  const isReencoding = useSignal(false)
  const run = (action: () => unknown) => () => {
    void action()
    selectNone()
  }
  return (
    <div class="selection" role="region" aria-label={t.selection}>
      <span class="number" role="status">
        {t.selected(all.length)}
      </span>
      <Button kind="plain" size="small" onClick={selectAll}>
        {t.selectAll}
      </Button>
      <span class="grow" />
      {may('write') && failed.length > 0 && (
        <Button size="small" icon="retry" onClick={run(() => retryAll(failed))}>
          {t.retry(failed.length)}
        </Button>
      )}
      {may('write') && ready.length > 0 && (
        <Button size="small" icon="convert" onClick={() => (isReencoding.value = true)}>
          {t.reencode(ready.length)}
        </Button>
      )}
      {may('write') && (
        <Button size="small" kind="danger" icon="trash" onClick={run(() => deleteLater(all))}>
          {t.delete}
        </Button>
      )}
      <Button kind="plain" size="small" icon="close" iconOnly onClick={selectNone}>
        {t.selectNone}
      </Button>
      {isReencoding.value && (
        <ReencodeDialog
          now={{}}
          onStart={(settings) => {
            void reencodeAll(ready, settings)
            selectNone()
          }}
          onClose={() => (isReencoding.value = false)}
        />
      )}
    </div>
  )
}
