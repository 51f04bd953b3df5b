// Numbers, sizes and times in the language of the reader.

const LANGUAGE = undefined

const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 })
const percentage = new Intl.NumberFormat(LANGUAGE, { style: 'percent', maximumFractionDigits: 0 })
const day = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium' })
const utcDay = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeZone: 'UTC' })
const moment = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'short' })
const exactMoment = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' })

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** A size with a unit: `52.4 MB`. */
export function bytes(value: number): string {
  const at = Math.min(UNITS.length - 1, value < 1000 ? 0 : Math.floor(Math.log10(value) / 3))
  const digits = at === 0 || value / 1000 ** at >= 100 ? 0 : 1
  return new Intl.NumberFormat(LANGUAGE, {
    style: 'unit',
    unit: UNITS[at] ?? 'byte',
    unitDisplay: at === 0 ? 'long' : 'short',
    maximumFractionDigits: digits,
  }).format(value / 1000 ** at)
}

/** A speed: `5.2 MB/s`. */
export const speed = (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`

/** A bit rate: `2.1 Mbit/s`. */
export function bitrate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${short.format(bitsPerSecond / 1e6)} Mbit/s` : `${whole.format(bitsPerSecond / 1e3)} kbit/s`
}

const levels = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const gains = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'exceptZero' })

/** A level: `-24.8`. */
export const level = (decibels: number): string => levels.format(decibels)

/** A gain with its sign: `+8.8`. */
export const gain = (decibels: number): string => gains.format(decibels)

export const count = (value: number): string => whole.format(value)

/** 0 to 100 as a percentage. */
export const percent = (value: number): string => percentage.format(value / 100)

/** A position or a length: `4:05`, `1:02:09`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '0:00'
  const all = Math.floor(seconds)
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** A duration in words, in one or two units: `3 min 20 sec`. */
export function duration(seconds: number): string {
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(LANGUAGE, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 0 }).format(value)
  const all = Math.round(seconds)
  if (seconds < 1) return `${new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 }).format(seconds)} sec`
  if (all < 60) return unit(all, 'second')
  if (all < 3600) return [unit(Math.floor(all / 60), 'minute'), all % 60 ? unit(all % 60, 'second') : ''].filter(Boolean).join(' ')
  return [unit(Math.floor(all / 3600), 'hour'), Math.floor(all / 60) % 60 ? unit(Math.floor(all / 60) % 60, 'minute') : '']
    .filter(Boolean)
    .join(' ')
}

/** An amount in US dollars, with as many digits as a small amount needs. */
export function dollars(value: number): string {
  const digits = value === 0 || value >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(value)))
  return new Intl.NumberFormat(LANGUAGE, {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: 2,
    maximumFractionDigits: Math.max(2, digits),
  }).format(value)
}

export const date = (at: string | number): string => day.format(new Date(at))
/** A day in UTC, by its beginning. */
export const utcDate = (at: string | number): string => utcDay.format(new Date(at))
export const dateAndTime = (at: string | number): string => moment.format(new Date(at))
export const exactTime = (at: string | number): string => exactMoment.format(new Date(at))

/** A time relative to now: `5 minutes ago`; older than a week, the date. */
export function ago(at: string | number, now: number = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const size = Math.abs(seconds)
  if (size < 45) return relative.format(0, 'second')
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (size < 24 * 3600) return relative.format(Math.round(seconds / 3600), 'hour')
  if (size < 7 * 24 * 3600) return relative.format(Math.round(seconds / 86_400), 'day')
  return date(at)
}

/** Compares as people sort names: `film 9` before `film 10`. */
export const byName = new Intl.Collator(LANGUAGE, { numeric: true, sensitivity: 'base' }).compare
