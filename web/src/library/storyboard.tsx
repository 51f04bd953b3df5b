// A poster that shows the storyboard of its video while the pointer is over it.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { client, type VideoSummary } from '../api/client'
import { may } from '../api/session'
import { type Tile, tilesOf } from '../player/vtt'
import { Icon } from '../ui/icon'

const STEP_MS = 450
const WAIT_MS = 250
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

export function Poster({ video }: { video: VideoSummary }) {
  const tile = useSignal<Tile | undefined>(undefined)
  const box = useRef<HTMLDivElement>(null)
  const timers = useRef<{ wait?: ReturnType<typeof setTimeout>; step?: ReturnType<typeof setInterval> }>({})
  const stop = () => {
    clearTimeout(timers.current.wait)
    clearInterval(timers.current.step)
    timers.current = {}
    tile.value = undefined
  }
  useEffect(() => stop, [])
  const begin = () => {
    if (video.state !== 'ready' || !may('play') || matchMedia('(prefers-reduced-motion: reduce)').matches) return
    const mine = {} as typeof timers.current
    timers.current = mine
    mine.wait = setTimeout(async () => {
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
    }, WAIT_MS)
  }
  const shown = tile.value
  // Fills the box, as the poster does.
  const scale = shown && box.current ? Math.max(box.current.clientWidth / shown.width, box.current.clientHeight / shown.height) : 1
  return (
    <div class="poster" ref={box} onPointerEnter={begin} onPointerLeave={stop}>
      {video.poster_url ? <img src={video.poster_url} alt="" decoding="async" /> : <Icon name={video.state === 'failed' ? 'alert' : 'film'} />}
      {shown && (
        <div class="board">
          <img src={shown.url} alt="" style={{ transform: `scale(${scale}) translate(${-shown.x}px, ${-shown.y}px)` }} />
        </div>
      )}
    </div>
  )
}
