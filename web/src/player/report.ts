// Reports what the viewer watched and how well, for the counts of views: docs/views.md.

import type { Meter } from './stats'

/** After this time of playback, the first report has the start-up time even if the viewer leaves soon. */
const FIRST_MS = 10_000
const NEXT_MS = 60_000
/** Less is not worth a request. */
const LEAST_MS = 1_000

/** What happened since the last report, in the names of CMCD (CTA-5004). Times are milliseconds. */
export class Tally {
  #played = 0
  #since: number | undefined
  #bits = 0
  #rated = 0
  #kbps: number | undefined
  #dropped = 0
  #hasStartup = false

  /** The bitrate of the rung on the screen, bits per second. */
  rate(now: number, bitsPerSecond: number | undefined): void {
    this.#count(now)
    this.#kbps = bitsPerSecond === undefined ? undefined : bitsPerSecond / 1000
  }

  play(now: number): void {
    this.#count(now)
    this.#since ??= now
  }

  stop(now: number): void {
    this.#count(now)
    this.#since = undefined
  }

  #count(now: number): void {
    if (this.#since === undefined) return
    const played = now - this.#since
    this.#since = now
    this.#played += played
    if (this.#kbps === undefined) return
    this.#rated += played
    this.#bits += played * this.#kbps
  }

  /** Time of playback since the last report. */
  played(now: number): number {
    this.#count(now)
    return this.#played
  }

  /**
   * The data of a report, which begins the next one; `undefined`: nothing to report. `dropped`: all frames so far.
   *
   * The keys are in alphabetical order, as the standard asks. Those of version 2 with lists: `br` and `bsd`.
   */
  take(now: number, startup: number | undefined, stalls: number[], dropped: number): string | undefined {
    this.#count(now)
    const isStart = startup !== undefined && !this.#hasStartup
    if (this.#played < LEAST_MS && !isStart && stalls.length === 0) return undefined
    const newlyDropped = Math.max(0, dropped - this.#dropped)
    const pairs = [
      this.#rated > 0 ? `br=(${Math.round(this.#bits / this.#rated)})` : '',
      stalls.length > 0 ? `bsd=(${stalls.map(Math.round).join(' ')})` : '',
      newlyDropped > 0 ? `edgereel-dropped=${newlyDropped}` : '',
      this.#played > 0 ? `edgereel-played=${Math.round(this.#played)}` : '',
      isStart ? `msd=${Math.round(startup)}` : '',
      'v=2',
    ]
    this.#played = this.#rated = this.#bits = 0
    this.#dropped = dropped
    this.#hasStartup ||= isStart
    return pairs.filter(Boolean).join(',')
  }
}

/** Where reports go: beside the playlists of the session. `playlist`: the URL of any of them, whose pass names the session. */
export function reportsUrl(playlist: string): string | undefined {
  const session = /^(.*\/s\/[\w-]+)\/[0-9a-f]+\//.exec(playlist)?.[1]
  return session && `${session}/cmcd`
}

export interface ReporterOptions {
  video: HTMLVideoElement
  meter: Meter
  /** `undefined`: no playlist is known yet, or the browser plays by itself. */
  url: () => string | undefined
}

/** Sends reports of one playback until it is stopped: soon after its start, every minute, and when it ends or is hidden. */
export class Reporter {
  readonly #tally = new Tally()
  readonly #options: ReporterOptions
  readonly #timer: ReturnType<typeof setInterval>
  readonly #listening = new AbortController()
  #due = FIRST_MS

  constructor(options: ReporterOptions) {
    this.#options = options
    const { video } = options
    const { signal } = this.#listening
    const on = (names: string, listener: () => void) => {
      for (const name of names.split(' ')) video.addEventListener(name, listener, { signal })
    }
    // Not every browser fires `playing` after a seek.
    on('playing timeupdate', () => {
      const { paused, ended, seeking, readyState } = video
      const plays = !paused && !ended && !seeking && readyState >= HTMLMediaElement.HAVE_FUTURE_DATA
      if (plays) this.#tally.play(performance.now())
    })
    on('pause waiting seeking emptied ended', () => this.#tally.stop(performance.now()))
    on('ended', () => this.#send())
    // A phone ends hidden pages without another event.
    const hidden = () => document.visibilityState === 'hidden' && this.#send()
    document.addEventListener('visibilitychange', hidden, { signal })
    addEventListener('pagehide', () => this.#send(), { signal })
    this.#timer = setInterval(() => this.#check(), 1_000)
  }

  rate(bitsPerSecond: number | undefined): void {
    this.#tally.rate(performance.now(), bitsPerSecond)
  }

  /** Sends the last report. */
  stop(): void {
    this.#send()
    this.#listening.abort()
    clearInterval(this.#timer)
  }

  #check(): void {
    if (this.#tally.played(performance.now()) >= this.#due) this.#send()
  }

  #send(): void {
    const { video, meter, url } = this.#options
    const to = url()
    // What cannot be sent yet stays in the tally.
    if (!to) return
    const now = performance.now()
    const dropped = video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0
    const report = this.#tally.take(now, meter.stats(now).firstFrame, meter.takeStalls(), dropped)
    if (report === undefined) return
    this.#due = NEXT_MS
    // Without a body, because CMCD is in the query. A report that is lost is not sent again.
    navigator.sendBeacon(`${to}?CMCD=${encodeURIComponent(report)}`)
  }
}
