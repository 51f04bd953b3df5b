// The address bar and the pages.

import { signal } from '@preact/signals'
import { type Route, routeOf } from './routes'

export const route = signal<Route>(routeOf(location.pathname))

/** Opens a page of the app. */
export function go(path: string): void {
  if (path === location.pathname + location.search) return
  history.pushState(null, '', path)
  arrive()
  scrollTo(0, 0)
}

/** Opens a page of the app in place of this one. */
export function replace(path: string): void {
  history.replaceState(null, '', path)
  arrive()
}

function arrive(): void {
  route.value = routeOf(location.pathname)
}

addEventListener('popstate', arrive)

// Links of the app load nothing: they change the page.
addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest?.('a')
  if (!link || event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  if (link.origin !== location.origin || link.target || link.hasAttribute('download')) return
  if (link.hash && link.pathname === location.pathname) return
  if (routeOf(link.pathname).page === 'not-found') return
  event.preventDefault()
  go(link.pathname + link.search)
})
