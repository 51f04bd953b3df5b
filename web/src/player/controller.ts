// Carries out what the viewer wants, and keeps the state of the player true to the `<video>`.

import type { AudioTrack } from './engine'
import { batch } from '@preact/signals'
import { player as texts } from '../texts'
import { percent } from '../format'
import { type Command, speedAfter } from './keys'
import { rememberPosition, remember, settings } from './memory'
import type { PlayerState } from './state'
import type { Meter } from './stats'

/** The parts of the player that only the element knows. */
export interface Host {
  /** The element that becomes fullscreen. */
  element: HTMLElement
  video: HTMLVideoElement
  state: PlayerState
  meter: Meter
  /** The name under which the position is remembered; empty: it is not. */
  memoryKey: () => string
  chooseRung: (index: number) => void
  chooseCaption: (index: number) => void
  chooseAudio: (index: number) => void
  /** The grant may have ended during a pause. */
  beforePlay: () => void
}

const AWAKE_MS = 3_000
const SAVE_MS = 5_000

interface SafariVideo extends HTMLVideoElement {
  webkitShowPlaybackTargetPicker?: () => void
  webkitEnterFullscreen?: () => void
}

export class Controller {
  readonly #host: Host
  #sleep: ReturnType<typeof setTimeout> | undefined
  #flashes = 0
  #saved = 0

  constructor(host: Host) {
    this.#host = host
    const { volume, muted, speed } = settings()
    Object.assign(host.video, { volume, muted: muted || host.element.hasAttribute('muted') })
    host.video.defaultPlaybackRate = speed
    host.video.playbackRate = speed
    this.#listen()
    this.#remote()
  }

  #listen(): void {
    const { video, state, meter, element } = this.#host
    const on = (names: string, listener: () => void) => {
      for (const name of names.split(' ')) video.addEventListener(name, () => batch(listener))
    }
    on('play pause ended seeked', () => {
      state.paused.value = video.paused
      state.ended.value = video.ended
      if (!video.paused) state.started.value = true
      this.wake()
    })
    on('play', () => {
      meter.ask(performance.now())
      this.#host.beforePlay()
    })
    on('waiting', () => {
      meter.wait(performance.now(), video.seeking)
      state.stalled.value = true
    })
    on('playing canplay seeked', () => {
      meter.go(performance.now())
      state.stalled.value = false
    })
    on('playing', () => {
      if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback((now) => meter.frame(now))
      else meter.frame(performance.now())
    })
    on('timeupdate seeking', () => {
      state.time.value = video.currentTime
      if (Date.now() - this.#saved > SAVE_MS) this.savePosition()
    })
    on('pause', () => this.savePosition())
    on('loadedmetadata resize', () => (state.audioOnly.value = video.videoWidth === 0))
    on('durationchange loadedmetadata', () => {
      state.duration.value = Number.isFinite(video.duration) ? video.duration : 0
    })
    on('progress timeupdate', () => {
      const ranges = video.buffered
      state.buffered.value = Array.from({ length: ranges.length }, (_, at) => ({ start: ranges.start(at), end: ranges.end(at) }))
    })
    on('volumechange', () => {
      state.volume.value = video.volume
      state.muted.value = video.muted
    })
    on('ratechange', () => (state.speed.value = video.playbackRate))
    on('enterpictureinpicture leavepictureinpicture', () => {
      state.pictureInPicture.value = document.pictureInPictureElement !== null
    })
    element.addEventListener('fullscreenchange', () => {
      state.fullscreen.value = document.fullscreenElement === element
    })
    state.volume.value = video.volume
    state.muted.value = video.muted
    state.speed.value = video.playbackRate
  }

  /** Shows the button for AirPlay or Cast if the browser has found a screen. */
  #remote(): void {
    const { video, state } = this.#host
    if ('WebKitPlaybackTargetAvailabilityEvent' in globalThis) {
      video.addEventListener('webkitplaybacktargetavailabilitychanged' as 'play', (event) => {
        state.remote.value = (event as Event & { availability?: string }).availability === 'available' ? 'airplay' : 'none'
      })
    } else if ('remote' in video) {
      const shown = (available: boolean) => (state.remote.value = available ? 'cast' : 'none')
      video.remote.watchAvailability(shown).catch(() => shown(false))
    }
  }

  savePosition(): void {
    const { video, memoryKey } = this.#host
    const key = memoryKey()
    if (!key || !Number.isFinite(video.duration) || video.currentTime === 0) return
    this.#saved = Date.now()
    rememberPosition(key, video.ended ? 0 : video.currentTime)
  }

  play(): void {
    this.#host.video.play().catch(() => {
      // The browser refused to play with sound without a gesture, or the video was replaced: the button stays.
    })
  }

  toggle(): void {
    const { video } = this.#host
    if (video.paused) this.play()
    else video.pause()
  }

  seek(time: number): void {
    const { video, state } = this.#host
    const end = Number.isFinite(video.duration) ? video.duration : state.duration.value
    video.currentTime = Math.max(0, Math.min(time, end))
    state.time.value = video.currentTime
  }

  setVolume(volume: number): void {
    const { video } = this.#host
    video.volume = Math.max(0, Math.min(1, Math.round(volume * 100) / 100))
    video.muted = video.volume === 0
    remember({ volume: video.volume, muted: video.muted })
  }

  mute(): void {
    const { video } = this.#host
    video.muted = !video.muted
    if (!video.muted && video.volume === 0) video.volume = 0.5
    remember({ muted: video.muted, volume: video.volume })
  }

  setSpeed(speed: number): void {
    const { video } = this.#host
    video.defaultPlaybackRate = speed
    video.playbackRate = speed
    remember({ speed })
  }

  choose(index: number): void {
    this.#host.state.choice.value = index
    this.#host.chooseRung(index)
  }

  caption(index: number): void {
    const { state } = this.#host
    state.caption.value = index
    this.#host.chooseCaption(index)
    remember({ captions: state.captions.value.find((it) => it.index === index)?.language ?? '' })
  }

  /** Lists the audio tracks; the viewer's language is chosen where the video has it. */
  offerAudio(tracks: AudioTrack[], chosen: number): void {
    const { state } = this.#host
    const isNew = tracks.length !== state.audio.value.length
    state.audio.value = tracks
    state.track.value = chosen
    const wanted = tracks.find((it) => it.language === settings().audio)
    if (isNew && wanted && settings().audio && wanted.index !== chosen) this.#playTrack(wanted.index)
  }

  audio(index: number): void {
    this.#playTrack(index)
    remember({ audio: this.#host.state.audio.value.find((it) => it.index === index)?.language ?? '' })
  }

  #playTrack(index: number): void {
    this.#host.state.track.value = index
    this.#host.chooseAudio(index)
  }

  async fullscreen(): Promise<void> {
    const { element, video } = this.#host
    if (document.fullscreenElement) return document.exitFullscreen()
    if (element.requestFullscreen) return element.requestFullscreen().catch(() => {})
    // iPhones only make the video itself fullscreen.
    ;(video as SafariVideo).webkitEnterFullscreen?.()
  }

  async pictureInPicture(): Promise<void> {
    const { video } = this.#host
    if (document.pictureInPictureElement) return document.exitPictureInPicture()
    if (document.pictureInPictureEnabled) await video.requestPictureInPicture().catch(() => {})
  }

  sendToScreen(): void {
    const { video, state } = this.#host
    if (state.remote.value === 'airplay') (video as SafariVideo).webkitShowPlaybackTargetPicker?.()
    else void video.remote.prompt().catch(() => {})
  }

  /** Shows the controls, and hides them after a while of playing. */
  wake(): void {
    const { state, video } = this.#host
    state.awake.value = true
    clearTimeout(this.#sleep)
    this.#sleep = setTimeout(() => {
      const isBusy = video.paused || state.menu.value !== 'none' || state.help.value || this.#hasVisibleFocus()
      state.awake.value = isBusy
      if (isBusy && !video.paused) this.wake()
    }, AWAKE_MS)
  }

  #hasVisibleFocus(): boolean {
    return this.#host.element.shadowRoot?.activeElement?.matches(':focus-visible') ?? false
  }

  flash(text: string): void {
    this.#flashes += 1
    this.#host.state.flash.value = { text, id: this.#flashes }
  }

  /** Carries out a key. Returns whether the player used it. */
  run(command: Command): boolean {
    const { state, video } = this.#host
    if (command.do === 'close') return this.#close()
    this.wake()
    switch (command.do) {
      case 'toggle':
        this.flash(video.paused ? texts.play : texts.pause)
        this.toggle()
        break
      case 'seek-by':
        this.seek(video.currentTime + command.seconds)
        this.flash(texts.seconds(command.seconds))
        break
      case 'seek-to':
        this.seek(command.part * (Number.isFinite(video.duration) ? video.duration : state.duration.value))
        break
      case 'volume-by':
        this.setVolume((video.muted ? 0 : video.volume) + command.amount)
        this.flash(texts.volumeIs(percent(video.volume * 100)))
        break
      case 'mute':
        this.mute()
        this.flash(video.muted ? texts.muted : texts.volumeIs(percent(video.volume * 100)))
        break
      case 'fullscreen':
        void this.fullscreen()
        break
      case 'captions':
        if (state.captions.value.length === 0) this.flash(texts.noCaptions)
        else this.caption(state.caption.value < 0 ? (state.captions.value[0]?.index ?? -1) : -1)
        break
      case 'picture-in-picture':
        void this.pictureInPicture()
        break
      case 'speed-by':
        this.setSpeed(speedAfter(video.playbackRate, command.steps))
        this.flash(texts.speedIs(video.playbackRate))
        break
      case 'help':
        state.help.value = !state.help.value
        break
      case 'stats':
        state.stats.value = !state.stats.value
        break
    }
    return true
  }

  #close(): boolean {
    const { state } = this.#host
    if (state.menu.value !== 'none') state.menu.value = 'none'
    else if (state.help.value) state.help.value = false
    else if (state.stats.value) state.stats.value = false
    else return false
    return true
  }
}
