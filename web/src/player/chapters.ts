// Chapters that a master playlist names: a JSON document as Apple describes it.

import type { Cue } from './vtt'

interface JsonChapter {
  'start-time'?: unknown
  titles?: { title?: unknown }[]
}

/** The chapters at an address; none if they do not load: the player works without them. */
export async function loadChapters(url: string): Promise<Cue[]> {
  const response = await fetch(url).catch(() => null)
  return response?.ok ? chaptersOf(await response.text()) : []
}

/** The chapters of a document, each up to the next one; what cannot be read is skipped. */
export function chaptersOf(json: string): Cue[] {
  let all: unknown
  try {
    all = JSON.parse(json)
  } catch {
    return []
  }
  if (!Array.isArray(all)) return []
  const known = (all as JsonChapter[]).flatMap((it) => {
    const [start, text] = [it?.['start-time'], it?.titles?.[0]?.title]
    return typeof start === 'number' && typeof text === 'string' ? [{ start, text }] : []
  })
  known.sort((a, b) => a.start - b.start)
  return known.map((it, index) => ({ ...it, end: known[index + 1]?.start ?? Number.POSITIVE_INFINITY }))
}
