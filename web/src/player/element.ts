// `<edgereel-player>`: plays one video of Edgereel. docs/player.md describes it for pages that use it.

import { effect } from '@preact/signals'
import { h, render } from 'preact'
import { Controller } from './controller'
import { type Engine, engineFor, hlsEngine, nativeEngine } from './engine'
import { commandOf } from './keys'
import { describe } from './media-session'
import { positionOf, resumeAt, settings } from './memory'
import { Reporter, reportsUrl } from './report'
import { Session } from './session'
import { ask, type Found, playbackOf, type Playback, sentenceOf } from './source'
import { grantOf, viewerOf } from './grant'
import { createState, forgetVideo } from './state'
import { Meter } from './stats'
import styles from './style.css?inline'
import { Surface } from './surface'
import { ViewerMark, type ViewerPlace } from './viewer-mark'
import { loadChapters } from './chapters'
import { cuesOf, loadVtt, tilesOf, wantsLargeImages } from './vtt'

const sheet = new CSSStyleSheet()
sheet.replaceSync(styles)

/** What a listener of the event `grant` gets. */
export interface GrantRequest {
  video: string
  /** Takes a grant or a playback URL, or a promise of one. */
  provide(grant: string | Promise<string>): void
}

const RELOADING = ['src', 'video', 'grant-url']
const NOT_THERE_SECONDS = 4
const NO_RENEWAL = 'no-renewal'

/** The player that was used last. */
let active: EdgereelPlayer | undefined

export class EdgereelPlayer extends HTMLElement {
  static readonly observedAttributes = [...RELOADING, 'grant', 'poster', 'video-title', 'chapters', 'storyboard', 'viewer']

  readonly #state = createState()
  readonly #meter = new Meter()
  readonly #video = document.createElement('video')
  readonly #controller: Controller
  readonly #mark: ViewerMark
  #place: ViewerPlace = 'off'
  #engine: Engine | undefined
  #session: Session | undefined
  #reporter: Reporter | undefined
  #url = ''
  /** Counts loads: what an earlier load does later has no effect. */
  #load = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isConnected = false
  #isRecovering = false

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
    root.adoptedStyleSheets = [sheet]
    this.#video.playsInline = true
    this.#video.preload = 'auto'
    this.#video.setAttribute('part', 'video')
    // The controls have names of their own; the video must not be a stop of the keyboard.
    this.#video.tabIndex = -1
    this.#controller = new Controller({
      element: this,
      video: this.#video,
      state: this.#state,
      meter: this.#meter,
      memoryKey: () => this.videoId,
      chooseRung: (index) => this.#engine?.choose(index),
      chooseCaption: (index) => this.#engine?.caption(index),
      chooseAudio: (index) => this.#engine?.listen(index),
      beforePlay: () => this.#session?.check(),
    })
    render(
      h(Surface, {
        video: this.#video,
        state: this.#state,
        controller: this.#controller,
        stats: () => this.stats,
        onRetry: () => this.#retry(),
      }),
      root,
    )
    this.#mark = new ViewerMark(root, this.#video)
    this.addEventListener('keydown', this.#key)
    // A click on the video focuses nothing: the keys still belong to the player that was used last.
    for (const name of ['pointerdown', 'focusin']) this.addEventListener(name, () => (active = this))
    effect(() => {
      this.toggleAttribute('data-awake', this.#state.awake.value)
      this.toggleAttribute('data-playing', !this.#state.paused.value)
    })
  }

  connectedCallback(): void {
    this.#isConnected = true
    addEventListener('pagehide', this.#leave)
    document.addEventListener('keydown', this.#pageKey)
    this.#attributes()
    this.load()
  }

  disconnectedCallback(): void {
    this.#isConnected = false
    removeEventListener('pagehide', this.#leave)
    document.removeEventListener('keydown', this.#pageKey)
    if (active === this) active = undefined
    this.#controller.savePosition()
    this.#unload()
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#isConnected || before === now) return
    if (RELOADING.includes(name)) return this.#change()
    if (name === 'grant' && this.#session) return void this.#session.renew()
    if (name === 'grant') return void this.load()
    if (name === 'viewer') return this.#drawViewer(this.#place)
    this.#attributes()
  }

  readonly #key = (event: KeyboardEvent): void => {
    const command = commandOf(event)
    const control = event.composedPath()[0]
    // A button uses the space bar, a slider the arrows, itself.
    if (control instanceof HTMLButtonElement && event.key === ' ') return
    if (control instanceof HTMLInputElement && /^(Arrow|Home|End)/.test(event.key)) return
    if (command && this.#controller.run(command)) event.preventDefault()
  }

  /** A key while nothing on the page has the focus. */
  readonly #pageKey = (event: KeyboardEvent): void => {
    const isFree = event.target === document.body || event.target === document.documentElement
    if (isFree && (active === this || (active === undefined && this.hasAttribute('page-keys')))) this.#key(event)
  }

  readonly #leave = (): void => this.#controller.savePosition()

  /** The id of the video. */
  get videoId(): string {
    return this.getAttribute('video') ?? ''
  }

  get currentTime(): number {
    return this.#video.currentTime
  }

  set currentTime(time: number) {
    this.#controller.seek(time)
  }

  get duration(): number {
    return this.#video.duration
  }

  get paused(): boolean {
    return this.#video.paused
  }

  /** The element that plays. Do not set its `src`. */
  get media(): HTMLVideoElement {
    return this.#video
  }

  play(): Promise<void> {
    return this.#video.play()
  }

  pause(): void {
    this.#video.pause()
  }

  /** The measurements of "stats for nerds". */
  get stats() {
    const { rungs, rung, buffered } = this.#state
    const quality = this.#video.getVideoPlaybackQuality?.()
    return {
      engine: this.#engine?.name,
      rung: rungs.value[rung.value],
      resolution: [this.#video.videoWidth, this.#video.videoHeight] as const,
      viewport: [this.clientWidth, this.clientHeight] as const,
      buffered: buffered.value,
      position: this.#video.currentTime,
      frames: quality?.totalVideoFrames ?? 0,
      dropped: quality?.droppedVideoFrames ?? 0,
      throughput: this.#engine?.throughput(),
      renewals: this.#session?.renewals ?? 0,
      grantEnds: this.#session?.expires,
      ...this.#meter.stats(performance.now()),
    }
  }

  /** Another video, or the same one from another address. */
  #change(): void {
    forgetVideo(this.#state)
    this.#attributes()
    this.load()
  }

  /** Loads the video again, from its attributes. */
  load(): void {
    this.#unload()
    this.#state.phase.value = { kind: 'loading' }
    this.#meter.load(performance.now())
    void this.#find(this.#load)
  }

  #unload(): void {
    this.#load += 1
    clearTimeout(this.#timer)
    this.#endEngine()
    this.#session?.stop()
    this.#session = undefined
    this.#drawViewer('off')
  }

  #endEngine(): void {
    // The last report goes to the playlists of the engine.
    this.#reporter?.stop()
    this.#engine?.destroy()
    this.#reporter = undefined
    this.#engine = undefined
  }

  /** Draws the name of the viewer: that of the page, or that of the grant. */
  #drawViewer(place: ViewerPlace): void {
    this.#place = place
    const name = this.getAttribute('viewer') ?? viewerOf(grantOf(this.#url) ?? '')
    this.#mark.show(name, place)
  }

  get #edge(): string {
    const given = this.getAttribute('edge')
    // The file of the player comes from the origin of the API, which `edgereel dev` shares with the edge.
    return given || new URL(import.meta.url).origin
  }

  /** A playback URL, by the first of: `grant-url`, `src`, `grant`, a listener of `grant`. */
  async #ask(): Promise<Found> {
    const [grantUrl, src, grant] = ['grant-url', 'src', 'grant'].map((it) => this.getAttribute(it))
    if (grantUrl) return ask(grantUrl, this.#edge, this.videoId)
    const given = src || grant
    if (!given) return this.#request()
    const storyboard = this.getAttribute('storyboard') ?? undefined
    return { kind: 'playback', playback: { ...playbackOf(given, this.#edge, this.videoId), storyboard } }
  }

  /** Asks the page for a grant, by the event `grant`. A promise that is rejected means: not now. */
  #request(): Promise<Found> {
    return new Promise((done) => {
      const found = (given: string) => done({ kind: 'playback', playback: playbackOf(given, this.#edge, this.videoId) })
      let isTaken = false
      const provide = (grant: string | Promise<string>) => {
        isTaken = true
        Promise.resolve(grant).then(found, () => done({ kind: 'unreachable', seconds: 5 }))
      }
      const detail: GrantRequest = { video: this.videoId, provide }
      this.dispatchEvent(new CustomEvent('grant', { detail, bubbles: true, composed: true }))
      if (!isTaken) done({ kind: 'refused', code: 'grant-missing', sentence: sentenceOf('grant-missing'), canRetry: false })
    })
  }

  /** A fresh grant. A fixed `src` has none, unless the page listens to `grant`: it plays until its end. */
  async #fresh(): Promise<Found> {
    const isFixed = this.hasAttribute('src') && !this.hasAttribute('grant-url')
    const found = isFixed ? await this.#request() : await this.#ask()
    if (isFixed && found.kind === 'refused') return { ...found, code: NO_RENEWAL }
    if (found.kind === 'playback') this.#pictures(found.playback)
    return found
  }

  async #find(load: number): Promise<void> {
    const found = await this.#ask()
    if (load !== this.#load) return
    const { phase, lost } = this.#state
    lost.value = found.kind === 'unreachable'
    switch (found.kind) {
      case 'playback':
        return this.#attach(found.playback, load)
      case 'refused':
        return this.#refuse(found.code, found.sentence, found.canRetry)
      case 'waiting':
        phase.value = { kind: 'preparing', percent: found.percent }
    }
    this.#again(found.seconds, load)
  }

  #again(seconds: number, load: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => load === this.#load && void this.#find(load), seconds * 1000)
  }

  #attach(playback: Playback, load: number): void {
    const state = this.#state
    this.#url = playback.url
    this.#pictures(playback)
    if (playback.title) state.title.value = playback.title
    const start = Number(this.getAttribute('start')) || positionOf(this.videoId)
    const make = engineFor(this.getAttribute('engine')) === 'hls.js' ? hlsEngine : nativeEngine
    const isCurrent = () => load === this.#load
    this.#engine = make({
      video: this.#video,
      url: playback.url,
      position: resumeAt(start, Number.POSITIVE_INFINITY),
      cmcd: this.hasAttribute('cmcd'),
      events: {
        rungs: (rungs) => isCurrent() && (state.rungs.value = rungs),
        rung: (index) => isCurrent() && this.#showsRung(index),
        chapters: (url) => void this.#chapters(url),
        viewer: (place) => isCurrent() && this.#drawViewer(place),
        captions: (tracks) => {
          state.captions.value = tracks
          const wanted = tracks.find((it) => it.language === settings().captions)
          if (wanted && settings().captions) this.#controller.caption(wanted.index)
        },
        audio: (tracks, chosen) => isCurrent() && this.#controller.offerAudio(tracks, chosen),
        lost: (isLost) => isCurrent() && (state.lost.value = isLost),
        finished: () => isCurrent() && this.#finished(),
        failed: (reason) => isCurrent() && this.#refuse('playback', `${sentenceOf('playback')} (${reason})`, false),
        refused: (status, code, sentence) => isCurrent() && void this.#refusedBy(status, code, sentence),
      },
    })
    // CMCD in headers has the same measurements.
    if (!this.hasAttribute('no-reports') && !this.hasAttribute('cmcd')) this.#reporter = this.#startReports()
    if (playback.expires) {
      this.#session = new Session({
        url: playback.url,
        expires: playback.expires,
        fresh: () => this.#fresh(),
        onRefused: (code, sentence) => isCurrent() && code !== NO_RENEWAL && this.#refuse(code, sentence, false),
      })
    }
    // A viewer who waited for the video wants to see it.
    const hasWaited = state.phase.value.kind === 'preparing'
    state.phase.value = { kind: 'playable' }
    describe(this.#state, this.#controller, this.#video)
    this.dispatchEvent(new CustomEvent('playable', { bubbles: true, composed: true }))
    if (hasWaited || this.hasAttribute('autoplay')) this.#controller.play()
  }

  #startReports(): Reporter {
    const url = () => {
      const playlist = this.#engine?.playlist()
      return playlist && reportsUrl(playlist)
    }
    return new Reporter({ video: this.#video, meter: this.#meter, url })
  }

  #showsRung(index: number): void {
    const { rung, rungs } = this.#state
    rung.value = index
    this.#reporter?.rate(rungs.value[index]?.average)
  }

  /** The edge refused a request of the engine. */
  #refusedBy(status: number, code: string, sentence: string): void | Promise<void> {
    const load = this.#load
    if (status === 404 && !this.#state.started.value) {
      // A page that has only a grant learns in this way that the video is not published yet.
      this.#endEngine()
      this.#session?.stop()
      this.#state.phase.value = { kind: 'preparing', percent: undefined }
      return this.#again(NOT_THERE_SECONDS, load)
    }
    if (code.endsWith('-expired') && this.#session) return this.#recover(this.#session, code, sentence)
    this.#refuse(code, sentenceOf(code, sentence), false)
  }

  /** The grant has ended: the player goes on with a fresh one. While there is none, it waits. */
  async #recover(session: Session, code: string, sentence: string): Promise<void> {
    if (this.#isRecovering) return
    this.#isRecovering = true
    const load = this.#load
    const isRenewed = await session.renew()
    const found = isRenewed || load !== this.#load ? undefined : await this.#fresh()
    this.#isRecovering = false
    if (load !== this.#load || this.#state.phase.value.kind === 'refused') return
    this.#state.lost.value = found !== undefined && found.kind !== 'playback'
    if (isRenewed) return this.#engine?.resume()
    if (found?.kind === 'unreachable' || found?.kind === 'waiting') {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => load === this.#load && void this.#recover(session, code, sentence), found.seconds * 1000)
      return
    }
    const ends = found?.kind === 'playback' ? (found.playback.expires ?? Number.POSITIVE_INFINITY) : 0
    // A session that ended long ago cannot be renewed, but a new one may begin.
    if (found?.kind === 'playback' && ends > Date.now() && found.playback.url !== this.#url) return this.#reload(found.playback)
    this.#refuse(code, sentenceOf(code, sentence), false)
  }

  /** Plays another URL from the same position. */
  #reload(playback: Playback): void {
    const [position, wasPlaying] = [this.#video.currentTime, !this.#video.paused]
    this.#controller.savePosition()
    this.#unload()
    this.#attach(playback, this.#load)
    this.#video.addEventListener('loadedmetadata', () => (this.#video.currentTime = position), { once: true })
    if (wasPlaying) this.#controller.play()
  }

  #refuse(code: string, sentence: string, canRetry: boolean): void {
    this.#endEngine()
    this.#session?.stop()
    this.#session = undefined
    const isOwner = this.hasAttribute('can-retry')
    this.#state.phase.value = { kind: 'refused', code, sentence, canRetry: canRetry && isOwner }
    this.dispatchEvent(new CustomEvent('refused', { detail: { code, sentence }, bubbles: true, composed: true }))
  }

  /** The viewer asks for another attempt: the page requests it, and the player waits for it. */
  #retry(): void {
    const { phase } = this.#state
    if (phase.value.kind === 'refused' && phase.value.canRetry) {
      const done = (promise?: Promise<unknown>) => void Promise.resolve(promise).finally(() => this.load())
      const event = new CustomEvent('retry', { detail: { done }, bubbles: true, composed: true, cancelable: true })
      if (!this.dispatchEvent(event)) return
    }
    this.load()
  }

  /** All segments exist: now there are a storyboard and a poster. */
  #finished(): void {
    this.#state.growing.value = false
    if (this.#state.tiles.value.length === 0 && this.getAttribute('grant-url')) void this.#fresh()
  }

  #pictures({ poster, storyboard, largeStoryboard }: Playback): void {
    if (poster && !this.getAttribute('poster')) this.#state.poster.value = poster
    const urls = [wantsLargeImages() ? largeStoryboard : undefined, storyboard].filter((it) => it !== undefined)
    void this.#storyboard(urls)
  }

  /** The first storyboard that exists: videos of earlier versions have no large one. */
  async #storyboard(urls: string[]): Promise<void> {
    const load = this.#load
    for (const url of urls) {
      if (this.#state.tiles.value.length > 0) return
      const tiles = tilesOf(await loadVtt(url), url)
      if (load !== this.#load) return
      this.#state.tiles.value = tiles
    }
  }

  async #chapters(url: string): Promise<void> {
    if (this.hasAttribute('chapters')) return
    const load = this.#load
    const cues = await loadChapters(url)
    if (load === this.#load) this.#state.chapters.value = cues
  }

  #attributes(): void {
    const { poster, title, chapters } = this.#state
    poster.value = this.getAttribute('poster') ?? poster.value
    title.value = this.getAttribute('video-title') ?? title.value
    const url = this.getAttribute('chapters')
    if (url) void loadVtt(url).then((vtt) => (chapters.value = cuesOf(vtt)))
    describe(this.#state, this.#controller, this.#video)
  }
}

if (!customElements.get('edgereel-player')) customElements.define('edgereel-player', EdgereelPlayer)
