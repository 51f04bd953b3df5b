// Which variants of a rung play: those in stereo, or those in surround. hls.js takes both for rungs between which it
// may switch, and would load other audio with each switch.

import type Hls from 'hls.js'
import type { ManifestParsedData } from 'hls.js'

interface Level {
  audioGroups?: (string | undefined)[] | undefined
}

interface Track {
  groupId: string
  channels?: string | undefined
}

/** The largest number of channels in the audio groups of a level. */
function channelsOf({ audioGroups }: Level, tracks: Track[]): number {
  const own = tracks.filter((it) => audioGroups?.includes(it.groupId))
  return Math.max(2, ...own.map((it) => Number.parseInt(it.channels ?? '2', 10) || 2))
}

/** The indices of the levels to leave out for so many loudspeakers; empty: all levels stay. */
export function leftOut(levels: Level[], tracks: Track[], loudspeakers: number): number[] {
  const isSurround = levels.map((it) => channelsOf(it, tracks) > 2)
  if (!isSurround.includes(true) || !isSurround.includes(false)) return []
  const isWanted = loudspeakers >= 6
  return isSurround.flatMap((it, index) => (it === isWanted ? [] : [index]))
}

/** Removes the levels that do not suit the output device, of which `loudspeakers` reports the channels. */
export function keepSuitable(hls: Hls, { levels, audioTracks, firstLevel }: ManifestParsedData, loudspeakers: () => number): void {
  // An AudioContext costs a warning in the console before a gesture, so most videos do without.
  if (leftOut(levels, audioTracks, 2).length === 0) return
  const first = levels[firstLevel]?.uri
  for (const index of leftOut(levels, audioTracks, loudspeakers()).reverse()) hls.removeLevel(index)
  const same = hls.levels.findIndex((it) => it.uri === first)
  if (same >= 0) hls.firstLevel = same
}

/** The number of channels of the output device. */
export function loudspeakers(): number {
  try {
    const context = new AudioContext()
    const { maxChannelCount } = context.destination
    void context.close()
    return maxChannelCount
  } catch {
    return 2
  }
}
