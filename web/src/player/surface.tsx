// The whole surface of the player: the video, and what lies over it.

import { useRef } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import { player as texts } from '../texts'
import { percent } from '../format'
import type { Controller } from './controller'
import { Bar } from './bar'
import { Help } from './help'
import { Icon } from './icons'
import type { PlayerState } from './state'
import { StatsPanel, type StatsSource } from './stats-panel'

export interface SurfaceProps {
  video: HTMLVideoElement
  state: PlayerState
  controller: Controller
  stats: StatsSource
  onRetry: () => void
}

const DOUBLE_TAP_MS = 300

export function Surface({ video, state, controller, stats, onRetry }: SurfaceProps) {
  const lastTap = useRef({ at: 0, x: 0 })
  const single = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const ripple = useSignal<'left' | 'right' | undefined>(undefined)
  const { phase, awake, paused, started, ended, poster, title, audioOnly } = state
  const isPlayable = phase.value.kind === 'playable'
  const isOverlaid = state.menu.value !== 'none'

  /** A mouse plays and pauses; a finger shows the controls, and seeks with two taps. */
  const tap = (event: PointerEvent) => {
    if (!isPlayable) return
    if (isOverlaid) return void (state.menu.value = 'none')
    if (event.pointerType === 'mouse') return controller.toggle()
    const box = (event.currentTarget as Element).getBoundingClientRect()
    const part = (event.clientX - box.left) / box.width
    const isSecond = event.timeStamp - lastTap.current.at < DOUBLE_TAP_MS && Math.abs(event.clientX - lastTap.current.x) < 80
    lastTap.current = { at: event.timeStamp, x: event.clientX }
    clearTimeout(single.current)
    if (isSecond && (part < 0.35 || part > 0.65)) {
      controller.run({ do: 'seek-by', seconds: part < 0.5 ? -10 : 10 })
      ripple.value = part < 0.5 ? 'left' : 'right'
      setTimeout(() => (ripple.value = undefined), 400)
      return
    }
    single.current = setTimeout(() => {
      if (state.awake.value && !paused.value) state.awake.value = false
      else controller.wake()
    }, DOUBLE_TAP_MS)
  }

  return (
    <div
      class="surface"
      data-asleep={isPlayable && !awake.value && !paused.value}
      onPointerMove={(event) => event.pointerType === 'mouse' && controller.wake()}
      onPointerLeave={(event) => event.pointerType === 'mouse' && !paused.value && (awake.value = false)}
      onFocusIn={() => controller.wake()}
    >
      <Media video={video} />
      {poster.value && (!started.value || audioOnly.value) && <img class="poster" src={poster.value} alt="" />}
      <div
        class="tap"
        onPointerUp={tap}
        onDblClick={(event) => event.detail === 2 && matchMedia('(hover: hover)').matches && void controller.fullscreen()}
      />
      {ripple.value && <div class={`ripple ${ripple.value}`} />}
      <Flash state={state} />
      {isPlayable && !started.value && (
        <button type="button" class="start" onClick={() => controller.play()} aria-label={texts.playVideo(title.value)}>
          <Icon name="play" />
        </button>
      )}
      {isPlayable && ended.value && (
        <button type="button" class="start" onClick={() => controller.play()} aria-label={texts.replay}>
          <Icon name="replay" />
        </button>
      )}
      <Notice state={state} onRetry={onRetry} />
      {title.value && isPlayable && !state.stats.value && <div class="title">{title.value}</div>}
      {isPlayable && <Bar state={state} controller={controller} />}
      {state.stats.value && <StatsPanel source={stats} onClose={() => (state.stats.value = false)} />}
      {state.help.value && <Help onClose={() => (state.help.value = false)} />}
    </div>
  )
}

/** The `<video>` of the element: Preact places it and leaves it alone. */
function Media({ video }: { video: HTMLVideoElement }) {
  return <div class="media" ref={(place) => void (place && !place.firstChild && place.append(video))} />
}

function Flash({ state }: { state: PlayerState }) {
  const flash = state.flash.value
  return (
    <div class="flash" role="status">
      {flash && <span key={flash.id}>{flash.text}</span>}
    </div>
  )
}

/** What the viewer waits for, or why the video does not play. */
function Notice({ state, onRetry }: { state: PlayerState; onRetry: () => void }) {
  const phase = state.phase.value
  if (phase.kind === 'refused') {
    return (
      <div class="notice" role="alert">
        <p class="what">{texts.cannotPlay}</p>
        <p>{phase.sentence}</p>
        <button type="button" class="action" onClick={onRetry}>
          {phase.canRetry ? texts.retry : texts.tryAgain}
        </button>
      </div>
    )
  }
  if (state.lost.value && (state.stalled.value || !state.started.value || phase.kind === 'loading')) {
    return (
      <div class="notice quiet" role="status">
        <div class="spinner" />
        <p>{texts.reconnecting}</p>
      </div>
    )
  }
  if (phase.kind === 'preparing') {
    return (
      <div class="notice" role="status">
        <p class="what">{phase.percent === undefined ? texts.preparing : texts.preparingAt(percent(phase.percent))}</p>
        <progress max={100} value={phase.percent} aria-label={texts.progress} />
        <p>{texts.startsByItself}</p>
      </div>
    )
  }
  if (phase.kind === 'loading' || (state.stalled.value && state.started.value && !state.paused.value)) {
    return (
      <div class="notice quiet" role="status" aria-label={texts.loading}>
        <div class="spinner" />
      </div>
    )
  }
  return null
}
