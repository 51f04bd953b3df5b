// The addresses of the pages. They are fixed: others link to them.

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
