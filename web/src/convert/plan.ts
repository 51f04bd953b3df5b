// Which objects can become videos, and an estimate of the work.

import type { BucketObject } from '../api/client'
import { mayBeMedia } from '../media-names'
import { texts } from '../texts'
import { CPU_PER_SECOND, TRANSCODING_PER_MINUTE, USUAL_BITRATE } from '../video/prices'

/** Why an object cannot become a video; `undefined`: it may. The transcoder decides when it reads the file. */
export function unreadable({ key, size, content_type: type }: BucketObject): string | undefined {
  if (size === 0) return texts.upload.refused.empty
  if (mayBeMedia(key, type)) return undefined
  return type ? texts.convert.notVideo(type) : texts.convert.noVideoName
}

export interface Estimate {
  objects: number
  bytes: number
  minutes: number
  cpuSeconds: number
  usd: number
}

/** From sizes alone: with the bit rate of a usual source. Remuxing takes hardly any CPU. */
export function estimate(objects: readonly BucketObject[], mode: 'abr' | 'copy'): Estimate {
  const bytes = objects.reduce((sum, it) => sum + it.size, 0)
  const minutes = (bytes * 8) / USUAL_BITRATE / 60
  const part = mode === 'copy' ? 0.02 : 1
  return {
    objects: objects.length,
    bytes,
    minutes,
    cpuSeconds: minutes * 60 * CPU_PER_SECOND * part,
    usd: minutes * TRANSCODING_PER_MINUTE * part,
  }
}

/** The name of an object, without its folders. */
export const nameOfKey = (key: string): string => key.split('/').at(-1) || key

export interface ReportLine {
  key: string
  size: number
  video: string
  state: string
  problem: string
}

/** The report as CSV (RFC 4180). A cell that a spreadsheet would read as a formula begins with an apostrophe. */
export function csv(lines: readonly ReportLine[]): string {
  const cell = (value: string | number) => {
    const text = String(value)
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  const head = 'key,size,video,state,problem'
  return [head, ...lines.map((it) => [it.key, it.size, it.video, it.state, it.problem].map(cell).join(','))].join('\r\n') + '\r\n'
}
