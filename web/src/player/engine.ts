// Plays a URL in a `<video>`: with hls.js, or with the browser's own HLS player.

import Hls, { Events, ErrorTypes, type ErrorData, type HlsConfig } from 'hls.js'
import { keepSuitable, loudspeakers } from './surround'
import { placeIn, placeOf, VIEWER_ID, type ViewerPlace } from './viewer-mark'

export interface Rung {
  /** Index in the engine. */
  index: number
  height: number
  width: number
  /** The peak, bits per second. */
  bitrate: number
  /** Bits per second. */
  average: number
  codecs: string
}

export interface CaptionTrack {
  index: number
  language: string
  name: string
}

/** A language of the audio, or a commentary. */
export interface AudioTrack {
  index: number
  language: string
  name: string
}

/** What an engine reports. */
export interface EngineEvents {
  rungs(rungs: Rung[]): void
  /** The rung on the screen. */
  rung(index: number): void
  captions(tracks: CaptionTrack[]): void
  /** The address of the chapters, as the master playlist names it. */
  chapters(url: string): void
  /** Where the name of the viewer is, as the master playlist says. */
  viewer(place: ViewerPlace): void
  /** The audio tracks, and the one that plays. */
  audio(tracks: AudioTrack[], chosen: number): void
  /** The edge refused a request. `sentence`: what it said. */
  refused(status: number, code: string, sentence: string): void
  /** Requests fail, and the engine tries again; `false`: they work again. */
  lost(isLost: boolean): void
  /** The playlist names all segments of the video. */
  finished(): void
  failed(reason: string): void
}

export interface Engine {
  readonly name: 'hls.js' | 'native'
  /** The wanted rung; `-1`: automatic. */
  choose(index: number): void
  caption(index: number): void
  listen(index: number): void
  /** Loads again after a refusal that is over. */
  resume(): void
  /** The URL of a media playlist; `undefined` if unknown. */
  playlist(): string | undefined
  /** Bits per second; `undefined` if unknown. */
  throughput(): number | undefined
  destroy(): void
}

export interface EngineOptions {
  video: HTMLVideoElement
  url: string
  position: number
  cmcd: boolean
  events: EngineEvents
}

/** Safari plays HLS itself, and only then offers AirPlay. */
const isSafari = (): boolean => 'WebKitPlaybackTargetAvailabilityEvent' in globalThis

export function engineFor(wanted: string | null): 'hls.js' | 'native' {
  if (wanted === 'native' || wanted === 'hls.js') return wanted
  const native = document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== ''
  return Hls.isSupported() && !(native && isSafari()) ? 'hls.js' : 'native'
}

/** The worker is a file beside this script: only pages of the same origin may start it. */
function workerPath(): string | undefined {
  const script = new URL(import.meta.url)
  return import.meta.env.PROD && script.origin === location.origin ? new URL('./edgereel-player-worker.js', script).href : undefined
}

const RECONNECT_MS = 2_000

export function hlsEngine({ video, url, position, cmcd, events }: EngineOptions): Engine {
  const worker = workerPath()
  const config: Partial<HlsConfig> = {
    startPosition: position,
    // By default, hls.js buffers minutes ahead if the video is small.
    maxMaxBufferLength: 30,
    backBufferLength: 60,
    capLevelToPlayerSize: true,
    enableWorker: worker !== undefined,
    ...(worker === undefined ? {} : { workerPath: worker }),
    ...(cmcd ? { cmcd: { sessionId: crypto.randomUUID(), useHeaders: true } } : {}),
  }
  const hls = new Hls(config)
  let timer: ReturnType<typeof setTimeout> | undefined
  let hasManifest = false
  let hasStarted = false
  let isFinished = false
  let recoveries = 0

  const again = () => {
    clearTimeout(timer)
    timer = undefined
    // Before the first frame, `currentTime` is 0; later, 0 is a position like others.
    if (hasManifest) hls.startLoad(hasStarted ? video.currentTime : position)
    else hls.loadSource(url)
  }
  hls.on(Events.MANIFEST_PARSED, (_, data) => {
    hasManifest = true
    events.lost(false)
    keepSuitable(hls, data, loudspeakers)
    const rungs = hls.levels.map(({ height, width, bitrate, averageBitrate, videoCodec, audioCodec, videoRange }, index) => ({
      index,
      height: Math.min(height, width) || height,
      width,
      bitrate,
      average: averageBitrate,
      codecs: [videoCodec, audioCodec, videoRange === 'SDR' ? '' : videoRange].filter(Boolean).join(', '),
    }))
    events.rungs(rungs)
  })
  hls.on(Events.MANIFEST_LOADED, (_, { sessionData, url: master }) => {
    const uri = sessionData?.['com.apple.hls.chapters']?.URI
    if (uri) events.chapters(new URL(uri, new URL(master, location.href)).href)
    events.viewer(placeOf(sessionData?.[VIEWER_ID]?.VALUE))
  })
  hls.on(Events.LEVEL_SWITCHED, (_, { level }) => events.rung(level))
  hls.on(Events.FRAG_BUFFERED, () => {
    hasStarted = true
    recoveries = 0
    events.lost(false)
  })
  hls.on(Events.LEVEL_LOADED, (_, { details }) => {
    events.lost(false)
    if (details.live || isFinished) return
    isFinished = true
    events.finished()
  })
  hls.on(Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) => {
    events.captions(subtitleTracks.map(({ lang, name }, index) => ({ index, language: lang ?? '', name })))
  })
  const reportAudio = () => {
    const tracks = hls.audioTracks.map(({ lang, name }, index) => ({ index, language: lang ?? '', name }))
    events.audio(tracks, hls.audioTrack)
  }
  hls.on(Events.AUDIO_TRACKS_UPDATED, reportAudio)
  hls.on(Events.AUDIO_TRACK_SWITCHING, reportAudio)
  hls.on(Events.ERROR, (_, data) => {
    const status = data.response?.code ?? 0
    if (status === 401 || status === 403 || status === 404 || status === 410) {
      // One segment that is missing is not a refusal.
      if (status === 404 && !isPlaylist(data) && !data.fatal) return
      const { code, sentence } = refusalOf(data)
      hls.stopLoad()
      events.refused(status, code, sentence)
    } else if (data.type === ErrorTypes.NETWORK_ERROR) {
      events.lost(true)
      if (data.fatal) timer ??= setTimeout(again, RECONNECT_MS)
    } else if (data.fatal) {
      if (data.type === ErrorTypes.MEDIA_ERROR && recoveries < 3) {
        recoveries += 1
        hls.recoverMediaError()
      } else {
        events.failed(data.details)
      }
    }
  })
  const online = () => timer && again()
  addEventListener('online', online)
  hls.loadSource(url)
  hls.attachMedia(video)

  return {
    name: 'hls.js',
    choose: (index) => (hls.nextLevel = index),
    caption: (index) => {
      hls.subtitleTrack = index
      hls.subtitleDisplay = index >= 0
    },
    listen: (index) => (hls.audioTrack = index),
    resume: again,
    playlist: () => hls.levels[0]?.url[0],
    throughput: () => (Number.isFinite(hls.bandwidthEstimate) ? hls.bandwidthEstimate : undefined),
    destroy() {
      clearTimeout(timer)
      removeEventListener('online', online)
      hls.destroy()
    },
  }
}

const isPlaylist = (data: ErrorData): boolean => /manifest|level|audioTrack/i.test(data.details)

/** The refusal of the edge in a failed request of hls.js. */
function refusalOf(data: ErrorData): { code: string; sentence: string } {
  const request: unknown = data.networkDetails
  if (!(request instanceof XMLHttpRequest)) return { code: 'unknown', sentence: '' }
  const code = request.getResponseHeader('edgereel-refusal') ?? 'unknown'
  const raw: unknown = request.response
  return { code, sentence: titleOf(raw instanceof ArrayBuffer ? new TextDecoder().decode(raw) : String(raw ?? '')) }
}

function titleOf(text: string): string {
  try {
    const { title, detail } = JSON.parse(text) as { title?: string; detail?: string }
    return detail ?? title ?? ''
  } catch {
    return ''
  }
}

interface NativeTrack {
  enabled: boolean
  language: string
  label: string
}

/** Only Safari has the list; the types of the browser do not know it. */
const nativeTracks = (video: HTMLVideoElement): NativeTrack[] =>
  Array.from((video as { audioTracks?: ArrayLike<NativeTrack> }).audioTracks ?? [])

export function nativeEngine({ video, url, position, events }: EngineOptions): Engine {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isDestroyed = false
  let at = position
  const place = () => (video.readyState > 0 ? video.currentTime : at)
  const load = () => {
    timer = undefined
    video.src = url
    video.addEventListener('loadedmetadata', () => at > 0 && (video.currentTime = at), { once: true })
  }
  // The element hides the response: the page asks for it.
  const failed = async () => {
    if (!video.error) return
    at = place()
    const response = await fetch(url).catch(() => null)
    if (response && response.status >= 400 && response.status < 500) {
      const sentence = titleOf(await response.text().catch(() => ''))
      if (isDestroyed) return
      return events.refused(response.status, response.headers.get('edgereel-refusal') ?? 'unknown', sentence)
    }
    if (isDestroyed || !video.error) return
    if (response?.ok && video.error.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED) return events.failed(video.error.message)
    events.lost(true)
    timer ??= setTimeout(load, RECONNECT_MS)
  }
  const works = () => events.lost(false)
  const errorListener = () => void failed()
  const reportAudio = () => {
    const tracks = nativeTracks(video)
    const chosen = tracks.findIndex((it) => it.enabled)
    events.audio(
      tracks.map(({ language, label }, index) => ({ index, language, name: label })),
      chosen,
    )
  }
  video.addEventListener('error', errorListener)
  video.addEventListener('progress', works)
  video.addEventListener('loadedmetadata', reportAudio)
  video.addEventListener('loadedmetadata', () => Number.isFinite(video.duration) && events.finished(), { once: true })
  load()
  // The element keeps the playlist to itself. A failed request must not remove the name.
  const master = async () => {
    const response = await fetch(url).catch(() => null)
    const text = response?.ok ? await response.text().catch(() => null) : null
    if (isDestroyed) return
    if (text === null) setTimeout(() => void master(), RECONNECT_MS)
    else events.viewer(placeIn(text))
  }
  void master()
  return {
    name: 'native',
    choose: () => {},
    caption: (index) => {
      Array.from(video.textTracks).forEach((track, it) => (track.mode = it === index ? 'showing' : 'disabled'))
    },
    listen: (index) => nativeTracks(video).forEach((track, it) => (track.enabled = it === index)),
    resume: () => {
      at = place()
      load()
    },
    playlist: () => undefined,
    throughput: () => undefined,
    destroy() {
      isDestroyed = true
      clearTimeout(timer)
      video.removeEventListener('error', errorListener)
      video.removeEventListener('progress', works)
      video.removeEventListener('loadedmetadata', reportAudio)
      video.removeAttribute('src')
      video.load()
    },
  }
}
