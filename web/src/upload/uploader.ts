// The uploads of this tab: Uppy sends the files to the bucket, and Golden Retriever keeps them over a crash.

import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import { effect, signal } from '@preact/signals'
import { client, type VideoSummary } from '../api/client'
import { ProblemError } from '../api/problem'
import { known, session } from '../api/session'
import { texts } from '../texts'
import { type Failure, failureOf } from './failure'
import { titleOf } from './intake'
import { Rate } from './rate'
import { routeUppyRequests, videoOf } from './requests'
import { claim } from './same-file'

interface Meta extends Record<string, unknown> {
  title?: string
  size?: number
  part_size?: number
  profile?: string
  generate?: string
  video?: string
}
type Body = { key?: string; location?: string }
type Instance = Uppy<Meta, Body>

export type CardState = 'waiting' | 'sending' | 'paused' | 'again' | 'signed-out' | 'failed' | 'lost' | 'sent'

export interface Card {
  id: string
  name: string
  title: string
  size: number
  sent: number
  state: CardState
  speed: number
  left: number | undefined
  /** Why it failed, or why it is tried again. */
  sentence: string | undefined
  video: string | undefined
}

/** What uploads are made of; applies to files that are added later. */
export const options = signal({ profile: '', onFirstView: false })
export const cards = signal<Card[]>([])
/** The videos of the cards, as far as they are known. */
export const videos = signal<Record<string, VideoSummary>>({})

const MB = 1024 * 1024
const RENAME_AGAIN_MS = 5_000
const rates = new Map<string, Rate>()
/** Files that got a title before their video was known. */
const renamed = new Set<string>()
const claims = new Map<string, () => void>()
const failures = new Map<string, { failure: Failure; attempts: number; timer?: ReturnType<typeof setTimeout> }>()
let uppy: Instance | undefined

/** The size of a part: so that a video of 50 GB has no more than 1,000 of them. */
export const partSize = (size: number): number => Math.max(8 * MB, Math.ceil(size / 1000 / MB) * MB)

/**
 * A tab must not take the uploads of another tab, or of another caller, for its own: each has a store of its own, and the
 * first tab after a crash gets the first store.
 */
async function slot(): Promise<string> {
  const own = `uploads-${known()?.subject ?? ''}`
  if (!navigator.locks) return own
  for (let number = 0; ; number += 1) {
    const name = `${own}-${number}`
    const isMine = await new Promise<boolean>((done) => {
      void navigator.locks.request(`edgereel-${name}`, { ifAvailable: true }, (lock) => {
        done(lock !== null)
        // Held until the tab ends.
        return lock ? new Promise<void>(() => {}) : undefined
      })
    })
    if (isMine) return name
  }
}

/** The cards show every error. */
const SILENT = { debug() {}, warn() {}, error() {} }

let starting: Promise<Instance> | undefined
export const start = (): Promise<Instance> => (starting ??= create())

async function create(): Promise<Instance> {
  routeUppyRequests()
  // Files are large: without this, Golden Retriever would keep none above 10 MiB.
  const indexedDB = { maxFileSize: 4096 * MB, maxTotalSize: 16_384 * MB } as object
  const instance: Instance = new Uppy<Meta, Body>({ id: await slot(), autoProceed: true, logger: SILENT })
    .use(AwsS3, {
      companionEndpoint: '/v1',
      shouldUseMultipart: true,
      getChunkSize: ({ size }) => partSize(size),
      limit: 3,
      allowedMetaFields: ['title', 'size', 'part_size', 'profile', 'generate', 'name'],
    })
    .use(GoldenRetriever, { indexedDB })
  uppy = instance
  instance.on('restored', () => {
    show()
    instance.emit('restore-confirmed')
  })
  instance.on('state-update', scheduleShow)
  instance.on('upload-progress', (file, progress) => {
    if (!file) return
    rate(file.id).add(progress.bytesUploaded || 0, performance.now())
    // A failure counts from the last progress.
    if (progress.bytesUploaded) clear(file.id)
  })
  instance.on('upload-error', (file, error) => file && onError(file.id, error))
  instance.on('upload-success', (file, response) => {
    if (!file) return
    clear(file.id)
    claims.get(file.id)?.()
    const video = videoOf(response.body?.key) ?? file.meta.video
    if (video) instance.setFileMeta(file.id, { video })
  })
  instance.on('file-removed', (file) => {
    clear(file.id)
    rates.delete(file.id)
    claims.get(file.id)?.()
  })
  addEventListener('online', () => {
    retryWaiting(true)
    scheduleShow()
  })
  addEventListener('offline', scheduleShow)
  addEventListener('beforeunload', (event) => {
    if (cards.value.some((it) => it.state === 'sending')) event.preventDefault()
  })
  effect(() => {
    if (session.value.kind === 'signed-in') retryWaiting(false)
  })
  return instance
}

const rate = (id: string): Rate => {
  const known = rates.get(id) ?? new Rate()
  rates.set(id, known)
  return known
}

function clear(id: string): void {
  clearTimeout(failures.get(id)?.timer)
  failures.delete(id)
}

function onError(id: string, error: unknown): void {
  const before = failures.get(id)
  clearTimeout(before?.timer)
  const attempts = (before?.attempts ?? 0) + 1
  const failure = failureOf(error, attempts)
  rate(id).reset()
  const timer = failure.kind === 'temporary' ? setTimeout(() => retry(id), failure.seconds * 1000) : undefined
  failures.set(id, { failure, attempts, ...(timer === undefined ? {} : { timer }) })
  scheduleShow()
}

/** Tries again what waits: after the network is back, or after the user has signed in. */
function retryWaiting(withTemporary: boolean): void {
  for (const [id, { failure }] of failures) {
    if (failure.kind === 'signed-out' || (withTemporary && failure.kind === 'temporary')) retry(id)
  }
}

let isScheduled = false
function scheduleShow(): void {
  if (isScheduled) return
  isScheduled = true
  setTimeout(show, 100)
}

function show(): void {
  isScheduled = false
  if (!uppy) return
  cards.value = uppy.getFiles().map((file): Card => {
    const video = videoOf((file as { s3Multipart?: { key: string } }).s3Multipart?.key)
    // The key is gone when the upload is complete, and Golden Retriever stores the metadata.
    if (video && file.meta.video !== video) queueMicrotask(() => uppy?.getFile(file.id) && uppy.setFileMeta(file.id, { video }))
    // The request that created the video may have had the title of before.
    if (video && renamed.delete(file.id)) void setTitle(video, file.meta.title ?? file.name).catch((error) => renameLater(file.id, error))
    const failed = failures.get(file.id)?.failure
    const state = stateOf(file, failed)
    return {
      id: file.id,
      name: file.name,
      title: file.meta.title ?? file.name,
      size: file.meta.size ?? file.size ?? 0,
      sent: Number(file.progress.bytesUploaded) || 0,
      state,
      speed: rate(file.id).speed(),
      left: rate(file.id).left(file.meta.size ?? 0),
      sentence: failed && failed.kind !== 'signed-out' ? failed.sentence : state === 'again' ? texts.upload.noStore : undefined,
      video: video ?? file.meta.video,
    }
  })
}

/** What the API refuses, it refuses again. */
function renameLater(file: string, error: unknown): void {
  if (error instanceof ProblemError && error.isTemporary) setTimeout(() => renamed.add(file), RENAME_AGAIN_MS)
}

type FileState = ReturnType<Instance['getFile']>

function stateOf(file: FileState, failed: Failure | undefined): CardState {
  if (file.progress.uploadComplete) return 'sent'
  if (file.isGhost) return 'lost'
  if (failed?.kind === 'final') return 'failed'
  if (failed?.kind === 'signed-out') return 'signed-out'
  if (failed) return 'again'
  if (file.isPaused) return 'paused'
  // Uppy waits for the network by itself.
  if (!navigator.onLine) return 'again'
  return file.progress.uploadStarted ? 'sending' : 'waiting'
}

/** Adds a file. Returns whether it was new. */
export async function add(file: File, title = titleOf(file.name)): Promise<boolean> {
  const instance = await start()
  const { profile, onFirstView } = options.value
  try {
    const id = instance.addFile({
      name: file.name,
      type: file.type || 'video/mp4',
      data: file,
      source: 'page',
      meta: {
        title,
        name: file.name,
        size: file.size,
        part_size: partSize(file.size),
        ...(profile ? { profile } : {}),
        ...(onFirstView ? { generate: 'on_first_view' } : {}),
      },
    })
    claims.set(id, claim(file))
    // A file that was lost in a crash is chosen again: its upload goes on.
    if ((instance.getFile(id) as { s3Multipart?: unknown }).s3Multipart) void instance.retryUpload(id)
    return true
  } catch {
    return false
  }
}

export function pause(id: string): void {
  const file = uppy?.getFile(id)
  if (file && !file.isPaused) uppy?.pauseResume(id)
  rate(id).reset()
}

export function resume(id: string): void {
  if (uppy?.getFile(id)?.isPaused) uppy.pauseResume(id)
}

export function retry(id: string): void {
  const known = failures.get(id)
  if (known) {
    clearTimeout(known.timer)
    // The number of attempts stays until bytes arrive.
    failures.set(id, { failure: { kind: 'temporary', seconds: 0, sentence: '' }, attempts: known.attempts })
  }
  if (uppy?.getFile(id)) void uppy.retryUpload(id)
}

export function remove(id: string): void {
  uppy?.removeFile(id)
}

/** Gives the video of an upload a title: also while it is sent. */
export async function rename(id: string, title: string): Promise<void> {
  uppy?.setFileMeta(id, { title })
  show()
  const video = cards.value.find((it) => it.id === id)?.video
  if (!title) return
  if (video) await setTitle(video, title)
  else renamed.add(id)
}

const setTitle = (video: string, title: string): Promise<unknown> =>
  client.PATCH('/v1/videos/{video}', { params: { path: { video } }, body: { title } })

/** Removes what is complete. */
export function removeSent(): void {
  for (const { id } of cards.value.filter((it) => it.state === 'sent')) remove(id)
}
