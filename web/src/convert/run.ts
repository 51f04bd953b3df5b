// A conversion that runs: requests for each object, and the videos that come of them.

import { signal } from '@preact/signals'
import { type BucketObject, client, data, type VideoSummary } from '../api/client'
import { ProblemError, sentence } from '../api/problem'
import { isBusy, stateOf } from '../video/names'
import { nameOfKey, type ReportLine } from './plan'

export interface Line {
  object: BucketObject
  /** Why the request failed. */
  problem?: string
  video?: VideoSummary
}

export const lines = signal<Line[]>([])
export const isRunning = signal(false)
let isStopped = false

const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000))

function change(key: string, part: Partial<Line>): void {
  lines.value = lines.value.map((it) => (it.object.key === key ? { ...it, ...part } : it))
}

interface Options {
  mode: 'abr' | 'copy'
  profile: string
}

/** Requests a conversion of each object, three at a time. A limit or an outage delays the rest. */
export async function convert(objects: BucketObject[], { mode, profile }: Options): Promise<void> {
  const known = new Set(objects.map((it) => it.key))
  lines.value = [...lines.value.filter((it) => !known.has(it.object.key)), ...objects.map((object) => ({ object }))]
  isRunning.value = true
  isStopped = false
  const queue = [...objects]
  const one = async (object: BucketObject): Promise<void> => {
    // Bulk work waits for uploads.
    const body = { key: object.key, title: nameOfKey(object.key), mode, priority: 'bulk' as const, ...(profile ? { profile } : {}) }
    for (;;) {
      try {
        change(object.key, { video: await data(client.POST('/v1/videos', { body })) })
        return
      } catch (error) {
        if (!(error instanceof ProblemError) || !error.isTemporary || isStopped) return change(object.key, { problem: sentence(error) })
        await pause(error.retryAfter ?? 3)
      }
    }
  }
  const worker = async () => {
    for (let object = queue.shift(); object && !isStopped; object = queue.shift()) await one(object)
  }
  await Promise.all([worker(), worker(), worker()])
  isRunning.value = false
}

export function stop(): void {
  isStopped = true
}

/** A change of a video that this page converts. */
export function follow(video: VideoSummary): void {
  const line = lines.value.find((it) => it.video?.id === video.id)
  if (line) change(line.object.key, { video })
}

/** Without a stream of events: asks for the videos that are not done. */
export async function followByAsking(): Promise<void> {
  for (const { video } of lines.value) {
    if (!video || !isBusy(video)) continue
    const found = await client.GET('/v1/videos/{video}', { params: { path: { video: video.id } } }).catch(() => null)
    if (found?.data) follow(found.data)
  }
}

export const reportLines = (): ReportLine[] =>
  lines.value.map(({ object, video, problem }) => ({
    key: object.key,
    size: object.size,
    video: video?.id ?? '',
    state: video ? stateOf(video).text : problem ? 'not converted' : 'waiting',
    problem: video?.failure?.message ?? problem ?? '',
  }))
