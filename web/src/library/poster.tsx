// A poster that moves while the pointer is over it, or while its tile has the focus: with an animated preview, which the
// API makes at its first request, or with the storyboard if that fails.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { client, type VideoSummary } from '../api/client'
import { may } from '../api/session'
import { type Tile, tilesOf } from '../player/vtt'
import { Icon } from '../ui/icon'

const STEP_MS = 450
const WAIT_MS = 300
const boards = new Map<string, Promise<Tile[]>>()

/** The storyboard of a video; loads once. */
function boardOf(video: string): Promise<Tile[]> {
  const load = async () => {
    const found = await client.GET('/v1/videos/{video}/stream', { params: { path: { video } } })
    const url = found.data && 'storyboard_url' in found.data ? found.data.storyboard_url : null
    if (!url) return []
    const response = await fetch(url)
    return response.ok ? tilesOf(await response.text(), url) : []
  }
  const known = boards.get(video) ?? load().catch(() => [])
  boards.set(video, known)
  return known
}

/** On a touch screen, nothing is hovered. */
const wantsMotion = () =>
  matchMedia('(hover: hover) and (pointer: fine)').matches && !matchMedia('(prefers-reduced-motion: reduce)').matches

export function Poster({ video }: { video: VideoSummary }) {
  const preview = useSignal<'loading' | 'loaded' | undefined>(undefined)
  const tile = useSignal<Tile | undefined>(undefined)
  const box = useRef<HTMLDivElement>(null)
  const timers = useRef<{ wait?: ReturnType<typeof setTimeout>; step?: ReturnType<typeof setInterval> }>({})
  const stop = () => {
    clearTimeout(timers.current.wait)
    clearInterval(timers.current.step)
    timers.current = {}
    preview.value = undefined
    tile.value = undefined
  }
  const begin = () => {
    if (timers.current.wait || video.state !== 'ready' || !may('play') || !wantsMotion()) return
    timers.current.wait = setTimeout(() => (preview.value = 'loading'), WAIT_MS)
  }
  const playStoryboard = async () => {
    preview.value = undefined
    const mine = timers.current
    const tiles = await boardOf(video.id)
    if (tiles.length < 2 || timers.current !== mine) return
    const pace = Math.max(1, Math.ceil(tiles.length / 24))
    let at = 0
    const step = () => {
      tile.value = tiles[at % tiles.length]
      at += pace
    }
    step()
    mine.step = setInterval(step, STEP_MS)
  }
  useEffect(() => {
    const around = box.current?.closest('.video-card, .video-row')
    const focused = (event: Event) => {
      if (event.target instanceof Element && event.target.matches(':focus-visible')) begin()
    }
    const left = (event: Event) => {
      const { relatedTarget } = event as FocusEvent
      if (!(relatedTarget instanceof Node) || !around?.contains(relatedTarget)) stop()
    }
    around?.addEventListener('focusin', focused)
    around?.addEventListener('focusout', left)
    return () => {
      around?.removeEventListener('focusin', focused)
      around?.removeEventListener('focusout', left)
      stop()
    }
  }, [video.id, video.state])
  const shown = tile.value
  // Fills the box, as the poster does.
  const scale = shown && box.current ? Math.max(box.current.clientWidth / shown.width, box.current.clientHeight / shown.height) : 1
  return (
    <div class="poster" ref={box} onPointerEnter={begin} onPointerLeave={stop}>
      {video.poster_url ? <img src={video.poster_url} alt="" decoding="async" /> : <Icon name={video.state === 'failed' ? 'alert' : 'film'} />}
      {preview.value && (
        <img
          class="preview"
          src={`/v1/videos/${encodeURIComponent(video.id)}/preview`}
          alt=""
          data-loaded={preview.value === 'loaded'}
          onLoad={() => (preview.value = 'loaded')}
          onError={() => void playStoryboard()}
        />
      )}
      {shown && (
        <div class="board">
          <img src={shown.url} alt="" style={{ transform: `scale(${scale}) translate(${-shown.x}px, ${-shown.y}px)` }} />
        </div>
      )}
    </div>
  )
}
