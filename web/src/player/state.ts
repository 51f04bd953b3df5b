// What the controls of the player show.

import { batch, signal } from '@preact/signals'
import type { AudioTrack, CaptionTrack, Rung } from './engine'
import type { Cue, Tile } from './vtt'

/** What the player is doing, if it is not simply playing. */
export type Phase =
  | { kind: 'loading' }
  | { kind: 'playable' }
  | { kind: 'preparing'; percent: number | undefined }
  | { kind: 'refused'; code: string; sentence: string; canRetry: boolean }

export function createState() {
  return {
    phase: signal<Phase>({ kind: 'loading' }),
    title: signal(''),
    poster: signal<string | undefined>(undefined),
    paused: signal(true),
    /** Whether the viewer has started the playback once. */
    started: signal(false),
    ended: signal(false),
    time: signal(0),
    duration: signal(0),
    /** Whether the video still grows. */
    growing: signal(false),
    buffered: signal<{ start: number; end: number }[]>([]),
    /** Playback waits for data. */
    stalled: signal(false),
    /** Requests fail because there is no connection. */
    lost: signal(false),
    volume: signal(1),
    muted: signal(false),
    speed: signal(1),
    rungs: signal<Rung[]>([]),
    /** The rung on the screen; `-1`: unknown. */
    rung: signal(-1),
    /** The wanted rung; `-1`: automatic. */
    choice: signal(-1),
    captions: signal<CaptionTrack[]>([]),
    caption: signal(-1),
    /** The audio tracks, and the one that plays; `-1`: unknown. */
    audio: signal<AudioTrack[]>([]),
    track: signal(-1),
    /** Whether the source has only audio: the poster stays. */
    audioOnly: signal(false),
    tiles: signal<Tile[]>([]),
    chapters: signal<Cue[]>([]),
    fullscreen: signal(false),
    pictureInPicture: signal(false),
    remote: signal<'none' | 'airplay' | 'cast'>('none'),
    help: signal(false),
    stats: signal(false),
    menu: signal<'none' | 'settings' | 'captions' | 'chapters'>('none'),
    /** Whether the controls are visible. */
    awake: signal(true),
    /** A short notice: the effect of a key. */
    flash: signal<{ text: string; id: number } | undefined>(undefined),
  }
}

/** Forgets what belongs to one video. */
export function forgetVideo(state: PlayerState): void {
  batch(() => {
    state.tiles.value = []
    state.chapters.value = []
    state.rungs.value = []
    state.captions.value = []
    state.audio.value = []
    state.track.value = -1
    state.audioOnly.value = false
    state.rung.value = state.choice.value = state.caption.value = -1
    state.started.value = state.ended.value = false
    state.poster.value = undefined
    state.title.value = ''
  })
}

export type PlayerState = ReturnType<typeof createState>
