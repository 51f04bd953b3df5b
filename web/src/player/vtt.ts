// WebVTT: the storyboard (https://www.w3.org/TR/media-frags/ in cues) and chapters.

export interface Cue {
  start: number
  end: number
  text: string
}

/** A WebVTT file; empty if it does not load: the player works without it. */
export async function loadVtt(url: string): Promise<string> {
  const response = await fetch(url).catch(() => null)
  return response?.ok ? response.text() : ''
}

/** The cues of a WebVTT file; what cannot be read is skipped. */
export function cuesOf(vtt: string): Cue[] {
  const cues: Cue[] = []
  for (const block of vtt.replaceAll('\r\n', '\n').split(/\n\n+/)) {
    const lines = block.split('\n')
    const at = lines.findIndex((it) => it.includes('-->'))
    const [from, to] = at < 0 ? [] : (lines[at] ?? '').split('-->')
    const [start, end] = [seconds(from), seconds(to?.trim().split(/\s/)[0])]
    if (start === undefined || end === undefined) continue
    cues.push({ start, end, text: lines.slice(at + 1).join('\n').trim() })
  }
  return cues
}

function seconds(time: string | undefined): number | undefined {
  const parts = time?.trim().split(':').map(Number)
  if (!parts || parts.length < 2 || parts.some(Number.isNaN)) return undefined
  return parts.reduce((sum, part) => sum * 60 + part, 0)
}

/** An image inside a sprite sheet. */
export interface Tile {
  start: number
  end: number
  url: string
  x: number
  y: number
  width: number
  height: number
}

/** Whether small images look coarse: on a dense or large screen, unless data is to be saved. */
export function wantsLargeImages(): boolean {
  const { connection } = navigator as { connection?: { saveData?: boolean } }
  return !connection?.saveData && (devicePixelRatio > 1.25 || screen.width >= 2560)
}

/** The tiles of a storyboard. `base`: the URL of the WebVTT file. */
export function tilesOf(vtt: string, base: string): Tile[] {
  return cuesOf(vtt).flatMap(({ start, end, text }) => {
    const [path, fragment] = text.split('#xywh=')
    const [x, y, width, height] = (fragment ?? '').split(',').map(Number)
    if (!path || x === undefined || y === undefined || !width || !height) return []
    return [{ start, end, url: new URL(path, base).href, x, y, width, height }]
  })
}

/** What is shown at a time: the last one that begins before it. */
export function at<T extends { start: number }>(all: readonly T[], time: number): T | undefined {
  return all.findLast((it) => it.start <= time + 0.001) ?? all[0]
}
