// The scrub bar: position, what is loaded, chapters, and a preview of the place under the pointer.

import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { player as texts } from '../texts'
import { clock } from '../format'
import type { Controller } from './controller'
import type { PlayerState } from './state'
import { at, type Tile } from './vtt'

const PREVIEW_WIDTH = 168

export function Scrubber({ state, controller }: { state: PlayerState; controller: Controller }) {
  const track = useRef<HTMLDivElement>(null)
  const hover = useSignal<number | undefined>(undefined)
  const isDragging = useSignal(false)
  const { time, duration, buffered, tiles, chapters } = state
  const length = duration.value || 1
  const part = (value: number) => `${Math.max(0, Math.min(1, value / length)) * 100}%`

  const timeAt = (event: PointerEvent): number => {
    const box = track.current?.getBoundingClientRect()
    if (!box) return 0
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * length
  }
  const move = (event: PointerEvent) => {
    hover.value = timeAt(event)
    if (isDragging.value) controller.seek(hover.value)
    controller.wake()
  }
  const shown = hover.value
  const tile = shown === undefined ? undefined : at(tiles.value, shown)
  const chapter = shown === undefined ? undefined : chapters.value.length > 0 ? at(chapters.value, shown) : undefined

  return (
    <div
      class="scrubber"
      data-dragging={isDragging.value}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        isDragging.value = true
        move(event)
      }}
      onPointerMove={move}
      onPointerUp={() => (isDragging.value = false)}
      onPointerCancel={() => (isDragging.value = false)}
      onPointerLeave={() => (hover.value = undefined)}
    >
      <div class="track" ref={track}>
        {buffered.value.map(({ start, end }) => (
          <div class="loaded" style={{ left: part(start), width: part(end - start) }} />
        ))}
        <div class="played" style={{ width: part(time.value) }} />
        {chapters.value.slice(1).map((it) => (
          <div class="chapter" style={{ left: part(it.start) }} />
        ))}
        <div class="thumb" style={{ left: part(time.value) }} />
      </div>
      <input
        type="range"
        class="slider"
        min="0"
        max={length}
        step="any"
        value={time.value}
        aria-label={texts.position}
        aria-valuetext={texts.timeOf(clock(time.value), clock(duration.value))}
        onKeyDown={(event) => {
          const steps: Record<string, number> = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5 }
          const step = steps[event.key]
          if (step !== undefined) controller.seek(time.value + step)
          else if (event.key === 'Home') controller.seek(0)
          else if (event.key === 'End') controller.seek(length)
          else return
          event.preventDefault()
        }}
        // Screen readers and switches change the value itself.
        onChange={(event) => controller.seek(event.currentTarget.valueAsNumber)}
      />
      {shown !== undefined && (
        <div class="preview" style={{ left: `clamp(${PREVIEW_WIDTH / 2}px, ${part(shown)}, calc(100% - ${PREVIEW_WIDTH / 2}px))` }}>
          {tile && <Image tile={tile} />}
          {chapter && <span class="name">{chapter.text}</span>}
          <span>{clock(shown)}</span>
        </div>
      )}
    </div>
  )
}

/** One image of the sprite sheet, scaled to the width of the preview. */
function Image({ tile }: { tile: Tile }) {
  const scale = PREVIEW_WIDTH / tile.width
  return (
    <div class="tile" style={{ width: `${PREVIEW_WIDTH}px`, height: `${tile.height * scale}px` }}>
      <img
        src={tile.url}
        alt=""
        style={{ transform: `scale(${scale}) translate(${-tile.x}px, ${-tile.y}px)` }}
      />
    </div>
  )
}
