// Measurements of a playback, for "stats for nerds".

export interface Stats {
  /** Milliseconds from the request to play to the first frame. */
  firstFrame: number | undefined
  stalls: number
  stalledSeconds: number
}

/** Counts stalls, and measures the time to the first frame. */
export class Meter {
  #loadedAt = 0
  #askedAt: number | undefined
  #firstFrame: number | undefined
  #stalls = 0
  #stalled = 0
  #stalledSince: number | undefined
  #ended: number[] = []

  /** The player loads another video. */
  load(now: number): void {
    this.#loadedAt = now
    this.#askedAt = undefined
    this.#firstFrame = undefined
    this.#stalls = 0
    this.#stalled = 0
    this.#stalledSince = undefined
    this.#ended = []
  }

  /** The viewer asked to play. */
  ask(now: number): void {
    this.#askedAt ??= now
  }

  frame(now: number): void {
    this.#firstFrame ??= now - (this.#askedAt ?? this.#loadedAt)
  }

  /** Playback waits for data; `isSeeking`: because the viewer moved, which is not a stall. */
  wait(now: number, isSeeking: boolean): void {
    if (this.#firstFrame === undefined || isSeeking || this.#stalledSince !== undefined) return
    this.#stalls += 1
    this.#stalledSince = now
  }

  go(now: number): void {
    if (this.#stalledSince !== undefined) {
      this.#stalled += now - this.#stalledSince
      this.#ended.push(now - this.#stalledSince)
    }
    this.#stalledSince = undefined
  }

  /** The durations of the stalls that ended since the last call, milliseconds. */
  takeStalls(): number[] {
    return this.#ended.splice(0)
  }

  stats(now: number): Stats {
    const running = this.#stalledSince === undefined ? 0 : now - this.#stalledSince
    return { firstFrame: this.#firstFrame, stalls: this.#stalls, stalledSeconds: (this.#stalled + running) / 1000 }
  }
}

/** Seconds of video that are loaded ahead of a position. */
export function bufferedAhead(buffered: { start: number; end: number }[], position: number): number {
  const range = buffered.find((it) => it.start <= position + 0.1 && position < it.end)
  return range ? range.end - position : 0
}
