// Speed and time left of an upload.

interface Sample {
  at: number
  bytes: number
}

const WINDOW_MS = 8_000

/** Measures the speed over the last seconds. */
export class Rate {
  #samples: Sample[] = []

  /** `bytes`: how many were sent at all, at the time `at` in milliseconds. */
  add(bytes: number, at: number): void {
    const last = this.#samples.at(-1)
    // A part that is sent again goes back: the measurement starts again.
    if (last && bytes < last.bytes) this.#samples = []
    this.#samples.push({ at, bytes })
    while (this.#samples.length > 2 && (this.#samples[0]?.at ?? at) < at - WINDOW_MS) this.#samples.shift()
  }

  /** After a pause, what was before does not count. */
  reset(): void {
    this.#samples = []
  }

  /** Bytes per second; 0 while unknown. */
  speed(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last || last.at - first.at < 250) return 0
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }

  /** Seconds left; `undefined` while unknown. */
  left(size: number): number | undefined {
    const [speed, sent] = [this.speed(), this.#samples.at(-1)?.bytes ?? 0]
    return speed > 0 ? Math.max(0, (size - sent) / speed) : undefined
  }
}
