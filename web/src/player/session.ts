// Keeps the session of a player alive: sends fresh grants to the edge before the last one ends.

import { grantOf, renewalDelay, retryDelay } from './grant'
import { type Found, sentenceOf } from './source'

export interface SessionOptions {
  /** The URL that the player plays: it identifies the session. */
  url: string
  /** Milliseconds since 1970. */
  expires: number
  /** Another grant for the same viewer and video. */
  fresh: () => Promise<Found>
  /** Called if the video will not be granted again. */
  onRefused: (code: string, sentence: string) => void
}

/** Renews until it is stopped. */
export class Session {
  readonly #options: SessionOptions
  #expires: number
  #due: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #running: Promise<boolean> | undefined
  renewals = 0
  #isStopped = false

  constructor(options: SessionOptions) {
    this.#options = options
    this.#expires = options.expires
    this.#due = Date.now() + renewalDelay(Date.now(), options.expires)
    this.#schedule()
    // A computer that slept, or a tab in the background, runs timers late.
    addEventListener('online', this.check)
    document.addEventListener('visibilitychange', this.check)
  }

  get expires(): number {
    return this.#expires
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    removeEventListener('online', this.check)
    document.removeEventListener('visibilitychange', this.check)
  }

  /** Renews now if the renewal is due. */
  readonly check = (): void => {
    if (Date.now() >= this.#due) void this.renew()
  }

  /** Renews now; returns whether the edge accepted the fresh grant. */
  renew(): Promise<boolean> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined
      this.#schedule()
    })
    return this.#running
  }

  async #attempt(): Promise<boolean> {
    const found = await this.#options.fresh()
    if (found.kind === 'refused') {
      this.#options.onRefused(found.code, found.sentence)
      this.#due = Number.POSITIVE_INFINITY
      return false
    }
    const grant = found.kind === 'playback' ? grantOf(found.playback.url) : undefined
    const seconds = grant ? await this.#send(grant) : undefined
    if (seconds === 'revoked') {
      // What the player has already would play on for a while: the owner does not want that.
      this.#options.onRefused('revoked', sentenceOf('revoked'))
      this.#due = Number.POSITIVE_INFINITY
      return false
    }
    const now = Date.now()
    if (seconds === undefined) {
      this.#failures += 1
      this.#due = now + retryDelay(this.#failures)
      return false
    }
    this.#failures = 0
    this.renewals += 1
    this.#expires = now + seconds * 1000
    this.#due = now + renewalDelay(now, this.#expires)
    return true
  }

  /** Sends a grant to the edge; returns the seconds until the session ends. */
  async #send(grant: string): Promise<number | 'revoked' | undefined> {
    const headers = { authorization: `Bearer ${grant}` }
    const response = await fetch(this.#options.url, { method: 'POST', headers }).catch(() => null)
    if (response?.headers.get('edgereel-refusal') === 'revoked') return 'revoked'
    if (!response?.ok) return undefined
    const { expires_in } = (await response.json().catch(() => ({}))) as { expires_in?: number }
    return expires_in
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    // A renewal may end after the session.
    if (this.#isStopped || !Number.isFinite(this.#due)) return
    this.#timer = setTimeout(() => void this.renew(), Math.max(0, this.#due - Date.now()))
  }
}
