// Requests of Uppy to the API.

import { apiFetch } from '../api/client'

const PREFIX = '/v1/s3/'
let isInstalled = false

/**
 * Uppy's client sends these requests with the global `fetch`: without the header that the API requires of requests with
 * a cookie, and it drops the problem documents of refusals. They go through the client of the app instead.
 */
export function routeUppyRequests(): void {
  if (isInstalled) return
  isInstalled = true
  const plain = globalThis.fetch.bind(globalThis)
  globalThis.fetch = (input, init) => (typeof input === 'string' && input.startsWith(PREFIX) ? apiFetch(input, init) : plain(input, init))
}

/** The video of a key of the private bucket: `uploads/vid_.../film.mp4`. */
export const videoOf = (key: string | undefined): string | undefined => /\bvid_[0-9a-f]{32}\b/.exec(key ?? '')?.[0]
