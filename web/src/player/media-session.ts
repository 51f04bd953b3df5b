// What the system shows on a locked screen, and its buttons.

import type { Controller } from './controller'
import type { PlayerState } from './state'

export function describe({ title, poster }: PlayerState, controller: Controller, video: HTMLVideoElement): void {
  if (!('mediaSession' in navigator)) return
  const { mediaSession } = navigator
  mediaSession.metadata = new MediaMetadata({
    title: title.value,
    artwork: poster.value ? [{ src: poster.value }] : [],
  })
  const seek = (seconds: number) => controller.seek(video.currentTime + seconds)
  mediaSession.setActionHandler('play', () => controller.play())
  mediaSession.setActionHandler('pause', () => video.pause())
  mediaSession.setActionHandler('seekbackward', ({ seekOffset }) => seek(-(seekOffset ?? 10)))
  mediaSession.setActionHandler('seekforward', ({ seekOffset }) => seek(seekOffset ?? 10))
  mediaSession.setActionHandler('seekto', ({ seekTime }) => seekTime !== undefined && controller.seek(seekTime))
}
