// The keyboard of the player.

export type Command =
  | { do: 'toggle' }
  | { do: 'seek-by'; seconds: number }
  | { do: 'seek-to'; part: number }
  | { do: 'volume-by'; amount: number }
  | { do: 'mute' }
  | { do: 'fullscreen' }
  | { do: 'captions' }
  | { do: 'picture-in-picture' }
  | { do: 'speed-by'; steps: 1 | -1 }
  | { do: 'help' }
  | { do: 'stats' }
  | { do: 'close' }

export interface Key {
  key: string
  ctrlKey?: boolean
  metaKey?: boolean
  altKey?: boolean
}

/** The command of a key; `undefined` if the player does not use it. */
export function commandOf({ key, ctrlKey, metaKey, altKey }: Key): Command | undefined {
  if (ctrlKey || metaKey || altKey) return undefined
  if (/^[0-9]$/.test(key)) return { do: 'seek-to', part: Number(key) / 10 }
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case ' ':
    case 'k':
      return { do: 'toggle' }
    case 'j':
      return { do: 'seek-by', seconds: -10 }
    case 'l':
      return { do: 'seek-by', seconds: 10 }
    case 'ArrowLeft':
      return { do: 'seek-by', seconds: -5 }
    case 'ArrowRight':
      return { do: 'seek-by', seconds: 5 }
    case 'ArrowUp':
      return { do: 'volume-by', amount: 0.05 }
    case 'ArrowDown':
      return { do: 'volume-by', amount: -0.05 }
    case 'Home':
      return { do: 'seek-to', part: 0 }
    case 'End':
      return { do: 'seek-to', part: 1 }
    case 'm':
      return { do: 'mute' }
    case 'f':
      return { do: 'fullscreen' }
    case 'c':
      return { do: 'captions' }
    case 'p':
      return { do: 'picture-in-picture' }
    case '<':
      return { do: 'speed-by', steps: -1 }
    case '>':
      return { do: 'speed-by', steps: 1 }
    case 's':
      return { do: 'stats' }
    case '?':
      return { do: 'help' }
    case 'Escape':
      return { do: 'close' }
    default:
      return undefined
  }
}

export const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const

/** The next speed in a direction. */
export function speedAfter(speed: number, steps: 1 | -1): number {
  const sorted = steps > 0 ? SPEEDS.find((it) => it > speed + 0.001) : SPEEDS.findLast((it) => it < speed - 0.001)
  return sorted ?? speed
}
