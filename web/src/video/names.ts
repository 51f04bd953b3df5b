// How videos and their states are named.

import type { StateName, Video, VideoSummary } from '../api/client'
import { percent } from '../format'
import { texts } from '../texts'

/** The title of a video; without one, its file name. */
export const nameOf = (video: VideoSummary): string => video.title || video.source.filename || texts.untitled

export type Tone = 'good' | 'busy' | 'bad' | ''

const TONES: Record<StateName, Tone> = {
  created: '',
  uploading: 'busy',
  stored: '',
  queued: 'busy',
  processing: 'busy',
  playable: 'good',
  ready: 'good',
  failed: 'bad',
  cancelled: '',
  deleted: '',
}

/** The state of a video in words: `Encoding, 40 %`. */
export function stateOf(video: VideoSummary): { text: string; tone: Tone } {
  const { state, stage, percent: done } = video
  const isWorking = state === 'processing' || state === 'playable' || (state === 'ready' && stage)
  const name = texts.states[state]
  if (!isWorking || done === null || done === undefined || (state === 'ready' && done === 100)) return { text: name, tone: TONES[state] }
  const what = state === 'playable' ? name : stage ? texts.stages[stage] : name
  return { text: `${what}, ${percent(done)}`, tone: TONES[state] }
}

/** Whether the state changes by itself. */
export const isBusy = ({ state }: VideoSummary): boolean => ['uploading', 'queued', 'processing', 'playable'].includes(state)

/** Whether no frame of the video can be shown. */
export const hasOnlyAudio = ({ renditions }: Video): boolean => renditions.length > 0 && renditions.every((it) => it.kind === 'audio')
