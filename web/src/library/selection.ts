// The chosen videos, and what happens to them.

import { signal } from '@preact/signals'
import { client, REQUEST_HEADER, type VideoSummary } from '../api/client'
import { sentence } from '../api/problem'
import { texts } from '../texts'
import { toast } from '../ui/toast'
import type { Settings } from '../video/reencode'
import { hidden, items, total } from './store'

const t = texts.library
export const selected = signal<ReadonlySet<string>>(new Set())
let anchor: string | undefined

/** Chooses or drops a video; with `toRange`, everything from the last choice to it. */
export function toggle(id: string, toRange = false): void {
  const next = new Set(selected.value)
  const ids = items.value.map((it) => it.id)
  const [from, to] = [anchor ? ids.indexOf(anchor) : -1, ids.indexOf(id)]
  if (toRange && from >= 0 && to >= 0) {
    for (const one of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(one)
  } else if (!next.delete(id)) {
    next.add(id)
  }
  anchor = id
  selected.value = next
}

export const selectAll = (): void => void (selected.value = new Set(items.value.map((it) => it.id)))
export const selectNone = (): void => void (selected.value = new Set())
export const chosen = (): VideoSummary[] => items.value.filter((it) => selected.value.has(it.id))

export const mayRetry = ({ state }: VideoSummary): boolean => state === 'failed' || state === 'cancelled'
export const mayReencode = ({ state }: VideoSummary): boolean => state === 'ready'

/** Runs requests, four at a time; returns how many failed, and the first problem. */
async function each(all: VideoSummary[], run: (video: string) => Promise<unknown>): Promise<{ failed: number; problem?: unknown }> {
  const queue = [...all]
  let failed = 0
  let problem: unknown
  const worker = async () => {
    for (let video = queue.shift(); video; video = queue.shift()) {
      await run(video.id).catch((error: unknown) => {
        failed += 1
        problem ??= error
      })
    }
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  return { failed, problem }
}

function report(done: string, { failed, problem }: { failed: number; problem?: unknown }): void {
  if (failed === 0) toast(done)
  else toast(t.someFailed(failed, sentence(problem)), { isBad: true })
}

export async function retryAll(all: VideoSummary[]): Promise<void> {
  const result = await each(all, (video) => client.POST('/v1/videos/{video}/retry', { params: { path: { video } } }))
  report(t.retried(all.length - result.failed), result)
}

export async function reencodeAll(all: VideoSummary[], body: Settings): Promise<void> {
  const result = await each(all, (video) => client.POST('/v1/videos/{video}/reencode', { params: { path: { video } }, body }))
  report(t.reencoding(all.length - result.failed), result)
}

const UNDO_SECONDS = 10

/** Deletes after ten seconds, unless the user wants the videos back. */
export function deleteLater(all: VideoSummary[]): void {
  const ids = all.map((it) => it.id)
  const show = () => (hidden.value = new Set([...hidden.value].filter((it) => !ids.includes(it))))
  hidden.value = new Set([...hidden.value, ...ids])
  selected.value = new Set([...selected.value].filter((it) => !ids.includes(it)))

  // A page that closes takes the way back with it: what the user deleted is deleted.
  const leave = () => {
    for (const id of ids) void fetch(`/v1/videos/${id}`, { method: 'DELETE', keepalive: true, headers: REQUEST_HEADER })
  }
  addEventListener('pagehide', leave)
  const timer = setTimeout(async () => {
    removeEventListener('pagehide', leave)
    const result = await each(all, (video) => client.DELETE('/v1/videos/{video}', { params: { path: { video } } }))
    if (result.failed > 0) {
      report('', result)
    } else {
      items.value = items.value.filter((it) => !ids.includes(it.id))
      if (total.value !== undefined) total.value = Math.max(0, total.value - ids.length)
    }
    show()
  }, UNDO_SECONDS * 1000)
  const undo = () => {
    clearTimeout(timer)
    removeEventListener('pagehide', leave)
    show()
  }
  toast(t.deleted(all.length), { seconds: UNDO_SECONDS, action: { label: t.undo, run: undo } })
}
