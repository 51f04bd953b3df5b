// The address bar and the pages.

import { signal } from '@preact/signals'

export type Route =
  | { page: 'library' }
  | { page: 'upload' }
  | { page: 'convert' }
  | { page: 'settings'; section: string }
  | { page: 'video'; video: string }
  | { page: 'watch'; video: string }
  | { page: 'embed'; video: string }
  | { page: 'shared'; secret: string }
  | { page: 'sign-in' }
  | { page: 'not-found' }

/** The route of a path. */
export function routeOf(path: string): Route {
  const [first, second, ...more] = path.split('/').filter(Boolean).map(decoded)
  if (more.length > 0) return { page: 'not-found' }
  if (first === undefined) return { page: 'library' }
  if (second === undefined) {
    if (first === 'upload' || first === 'convert' || first === 'sign-in') return { page: first }
    return first === 'settings' ? { page: 'settings', section: 'api-keys' } : { page: 'not-found' }
  }
  switch (first) {
    case 'settings':
      return { page: 'settings', section: second }
    case 'videos':
      return { page: 'video', video: second }
    case 'watch':
    case 'embed':
      return { page: first, video: second }
    case 'shared':
      return { page: 'shared', secret: second }
    default:
      return { page: 'not-found' }
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const route = signal<Route>(routeOf(location.pathname))

/** Opens a page of the app. */
export function go(path: string): void {
  if (path === location.pathname + location.search) return
  history.pushState(null, '', path)
  arrive()
  scrollTo(0, 0)
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
