// Chapters as a text: one per line, a time and a title, as people write them below videos.

interface Chapter {
  start: number
  title: string
}

/** `61.5` becomes `1:01.5`. */
function timeOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const rest = Math.round((seconds % 60) * 1000) / 1000
  const padded = (value: number) => (value < 10 ? `0${value}` : `${value}`)
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`
}

export const linesOf = (chapters: readonly Chapter[]): string => chapters.map(({ start, title }) => `${timeOf(start)} ${title}`).join('\n')

const LINE = /^\(?(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)\)?[\s\u2013\u2014-]+(.*\S)$/

/** The chapters of a text, by their start. `faultyLine`: the first line that is not a chapter, from 1. */
export function parseLines(text: string): { chapters: Chapter[]; faultyLine?: number } {
  const chapters: Chapter[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.trim()) continue
    const [, hours, minutes, seconds, title] = LINE.exec(line.trim()) ?? []
    const start = Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)
    if (!title || chapters.some((it) => it.start === start)) return { chapters, faultyLine: index + 1 }
    chapters.push({ start, title })
  }
  return { chapters: chapters.sort((a, b) => a.start - b.start) }
}
