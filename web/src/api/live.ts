// Changes of videos as they happen: server-sent events, or polling where the API has no stream.

import type { VideoSummary } from './client'

export type Listener = (video: VideoSummary) => void
/** Called when events may have been missed: lists load again. */
export type Missed = () => void

interface Subscriber {
  changed: Listener
  missed: Missed
}

const POLL_MS = 4_000
const AGAIN_MS = 30_000
const subscribers = new Set<Subscriber>()
let source: EventSource | undefined
let timer: ReturnType<typeof setInterval> | undefined

/** Calls `changed` for each changed video, until the returned function is called. */
export function subscribe(changed: Listener, missed: Missed): () => void {
  const subscriber = { changed, missed }
  subscribers.add(subscriber)
  if (subscribers.size === 1) void start()
  return () => {
    subscribers.delete(subscriber)
    if (subscribers.size === 0) stop()
  }
}

async function start(): Promise<void> {
  // An EventSource hides the status: 404 means that the API has no stream.
  const probe = await fetch('/v1/events/stream', { method: 'HEAD' }).catch(() => null)
  if (subscribers.size === 0 || source || timer) return
  if (!probe?.ok) return poll()
  source = new EventSource('/v1/events/stream')
  source.addEventListener('video', (event) => {
    const video = JSON.parse((event as MessageEvent<string>).data) as VideoSummary
    for (const { changed } of subscribers) changed(video)
  })
  // What changed between the load of the page and the start of the stream.
  source.addEventListener('open', missed, { once: true })
  // The stream no longer has the events after `Last-Event-ID`.
  source.addEventListener('missed', missed)
  source.addEventListener('error', () => {
    if (source?.readyState !== EventSource.CLOSED) return
    source = undefined
    poll()
    setTimeout(again, AGAIN_MS)
  })
}

/** The stream was there before: a restart or the end of a session interrupted it. */
function again(): void {
  if (subscribers.size === 0 || source) return
  clearInterval(timer)
  timer = undefined
  void start()
}

function poll(): void {
  timer ??= setInterval(() => {
    if (!document.hidden) missed()
  }, POLL_MS)
}

function missed(): void {
  for (const subscriber of subscribers) subscriber.missed()
}

function stop(): void {
  source?.close()
  clearInterval(timer)
  source = undefined
  timer = undefined
}
