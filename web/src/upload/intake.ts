// Which files become uploads, and why the others do not.

import { bytes } from '../format'
import { mayBeMedia } from '../media-names'
import { texts } from '../texts'

const t = texts.upload.refused

/** Files that systems put into folders. */
const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i

export interface FileLike {
  name: string
  size: number
  type: string
}

/** Why a file is not uploaded; `undefined`: it is. */
export function refusal(file: FileLike, limit: number | undefined): string | undefined {
  if (file.size === 0) return t.empty
  if (limit !== undefined && file.size > limit) return t.tooLarge(bytes(file.size), bytes(limit))
  return mayBeMedia(file.name, file.type) ? undefined : t.notVideo
}

/** Whether a file in a folder is not meant: nobody asked for it. */
export const isHidden = (file: FileLike): boolean => HIDDEN.test(file.name)

/** The title of a video, from the name of its file. */
export function titleOf(name: string): string {
  const title = name.replace(/\.[a-z0-9]{2,5}$/i, '').replace(/[_]+/g, ' ').trim() || name
  // The API takes 500 bytes of title; a name of 300 characters of four bytes is longer.
  return cut(title, 500)
}

function cut(text: string, most: number): string {
  const encoder = new TextEncoder()
  if (encoder.encode(text).length <= most) return text
  let short = text
  while (encoder.encode(short).length > most - 3) short = [...short].slice(0, -1).join('')
  return `${short}\u2026`
}

/** The files of a drop: also those in folders. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = Array.from(transfer.items, (it) => it.webkitGetAsEntry?.() ?? null)
  if (!entries.some((it) => it?.isDirectory)) return Array.from(transfer.files)
  const found = await Promise.all(entries.map((it) => (it ? walk(it) : [])))
  return found.flat().filter((it) => !isHidden(it))
}

async function walk(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return new Promise((done) => (entry as FileSystemFileEntry).file((file) => done([file]), () => done([])))
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const all: FileSystemEntry[] = []
  // A reader returns at most 100 entries at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done) => reader.readEntries(done, () => done([])))
    if (some.length === 0) break
    all.push(...some)
  }
  return (await Promise.all(all.map(walk))).flat()
}
