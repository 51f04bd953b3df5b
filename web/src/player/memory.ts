// What the player remembers in this browser: volume, speed, captions, and the position in each video.

interface Settings {
  volume: number
  muted: boolean
  speed: number
  /** The language of the captions; empty: off. */
  captions: string
  /** The language of the audio that the viewer chose; empty: none. */
  audio: string
}

const SETTINGS = 'edgereel.player'
const POSITIONS = 'edgereel.positions'
const DEFAULTS: Settings = { volume: 1, muted: false, speed: 1, captions: '', audio: '' }
const MOST_POSITIONS = 200

function read<T>(key: string): Partial<T> {
  try {
    return (JSON.parse(localStorage.getItem(key) ?? '{}') ?? {}) as Partial<T>
  } catch {
    // Storage is off, or full of something else: the player works without it.
    return {}
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // As above.
  }
}

export const settings = (): Settings => ({ ...DEFAULTS, ...read<Settings>(SETTINGS) })

export function remember(change: Partial<Settings>): void {
  write(SETTINGS, { ...settings(), ...change })
}

/** The position to resume at: not at the very beginning, and not in the last seconds. */
export function resumeAt(position: number | undefined, duration: number): number {
  return position !== undefined && position > 5 && position < duration - Math.min(15, duration * 0.05) ? position : 0
}

type Positions = Record<string, [position: number, at: number]>

export const positionOf = (video: string): number | undefined => read<Positions>(POSITIONS)[video]?.[0]

export function rememberPosition(video: string, position: number, now = Date.now()): void {
  const all: Positions = { ...(read<Positions>(POSITIONS) as Positions), [video]: [Math.round(position * 10) / 10, now] }
  const newest = Object.entries(all)
    .sort((one, other) => other[1][1] - one[1][1])
    .slice(0, MOST_POSITIONS)
  write(POSITIONS, Object.fromEntries(newest))
}
