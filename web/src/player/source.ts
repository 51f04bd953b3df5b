// Where the player gets its playback URL: from its attributes, from `grant-url`, or from a listener of `grant`.

import { player as texts } from '../texts'
import { expiryOf, grantOf } from './grant'

export interface Playback {
  url: string
  poster?: string | undefined
  storyboard?: string | undefined
  /** The same with larger images. */
  largeStoryboard?: string | undefined
  /** Milliseconds since 1970. */
  expires?: number | undefined
  title?: string | undefined
}

export type Found =
  | { kind: 'playback'; playback: Playback }
  | { kind: 'waiting'; percent?: number | undefined; seconds: number }
  /** `canRetry`: the video failed, and its owner may request another attempt. */
  | { kind: 'refused'; code: string; sentence: string; canRetry: boolean }
  | { kind: 'unreachable'; seconds: number }

/** What a `grant-url` returns: the response of `GET /v1/videos/{video}/stream`, or a grant. */
interface Answer {
  hls_url?: string
  grant?: string
  poster_url?: string | null
  storyboard_url?: string | null
  large_storyboard_url?: string | null
  expires_at?: string
  title?: string | null
  percent?: number | null
  status?: string
  code?: string
  detail?: string
}

/** The playback URL of a grant. */
export function urlOf(edge: string, video: string, grant: string): string {
  return `${edge.replace(/\/$/, '')}/v/${encodeURIComponent(video)}/master.m3u8?grant=${encodeURIComponent(grant)}`
}

/** A playback from a playback URL or a grant. */
export function playbackOf(given: string, edge: string, video: string): Playback {
  const url = given.includes('/') ? given : urlOf(edge, video, given)
  return { url, expires: expiryOf(grantOf(url) ?? '') }
}

/** Asks a `grant-url` for a playback URL. */
export async function ask(grantUrl: string, edge: string, video: string): Promise<Found> {
  // Cookies go to the site of this page only: another site authorises the request by its URL.
  const response = await fetch(grantUrl, { headers: { accept: 'application/json, text/plain' } }).catch(() => null)
  if (!response) return { kind: 'unreachable', seconds: 3 }
  const seconds = Math.min(30, Math.max(1, Number(response.headers.get('retry-after')) || 2))
  const text = await response.text().catch(() => '')
  const answer = parsed(text)
  if (response.status === 202) return { kind: 'waiting', percent: answer.percent ?? undefined, seconds }
  if (response.status === 429 || response.status >= 500) return { kind: 'unreachable', seconds }
  if (!response.ok) {
    const code = answer.code ?? `status-${response.status}`
    return { kind: 'refused', code, sentence: sentenceOf(code, answer.detail), canRetry: code === 'video-failed' || code === 'video-cancelled' }
  }
  const given = answer.hls_url ?? answer.grant ?? text.trim()
  if (!given) return { kind: 'refused', code: 'no-grant', sentence: texts.refusals.unknown, canRetry: false }
  const playback = playbackOf(given, edge, video)
  return {
    kind: 'playback',
    playback: {
      ...playback,
      poster: answer.poster_url ?? undefined,
      storyboard: answer.storyboard_url ?? undefined,
      largeStoryboard: answer.large_storyboard_url ?? undefined,
      expires: answer.expires_at ? new Date(answer.expires_at).getTime() : playback.expires,
      title: answer.title ?? undefined,
    },
  }
}

function parsed(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? { grant: value } : ((value ?? {}) as Answer)
  } catch {
    return {}
  }
}

/** The sentence for a refusal: what the server said, or what its code means. */
export function sentenceOf(code: string, said?: string): string {
  const known = (texts.refusals as Record<string, string>)[code]
  return known ?? (said || texts.refusals.unknown)
}
