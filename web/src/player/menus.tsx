// The menus of the player: quality, audio, speed, captions.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { player as texts } from '../texts'
import { bitrate, clock } from '../format'
import type { Controller } from './controller'
import type { Rung } from './engine'
import { Icon } from './icons'
import { SPEEDS } from './keys'
import type { PlayerState } from './state'
import { at } from './vtt'

interface Props {
  state: PlayerState
  controller: Controller
}

interface Choice {
  label: string
  detail?: string
  isChosen: boolean
  choose: () => void
}

/** One rung per height is the usual case; two of the same height differ in their bit rate. Audio has only that. */
export const rungName = (rung: Rung): string => (rung.height > 0 ? `${rung.height}p` : bitrate(rung.bitrate))

/** Moves the focus through a menu with the arrow keys. */
function useArrows() {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const chosen = list.current?.querySelector<HTMLElement>('[aria-checked="true"]') ?? list.current?.querySelector('button')
    chosen?.focus()
  }, [])
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 }
    const step = steps[event.key]
    if (step === undefined) return
    const all = Array.from(list.current?.querySelectorAll('button') ?? [])
    const from = all.indexOf((list.current?.getRootNode() as ShadowRoot).activeElement as HTMLButtonElement)
    all[(from + step + all.length) % all.length]?.focus()
    event.preventDefault()
    event.stopPropagation()
  }
  return { ref: list, onKeyDown }
}

function Choices({ title, choices, onBack }: { title: string; choices: Choice[]; onBack?: () => void }) {
  const { ref, onKeyDown } = useArrows()
  return (
    <div class="menu" role="menu" aria-label={title} ref={ref} onKeyDown={onKeyDown}>
      {onBack ? (
        <button type="button" role="menuitem" class="heading" onClick={onBack}>
          <Icon name="back" />
          {title}
        </button>
      ) : (
        <div class="heading">{title}</div>
      )}
      {choices.map(({ label, detail, isChosen, choose }) => (
        <button type="button" role="menuitemradio" aria-checked={isChosen} key={label + (detail ?? '')} onClick={choose}>
          <span class="check">{isChosen && <Icon name="check" />}</span>
          <span>{label}</span>
          {detail && <span class="detail">{detail}</span>}
        </button>
      ))}
    </div>
  )
}

export function SettingsMenu({ state, controller }: Props) {
  const page = useSignal<'all' | 'quality' | 'audio' | 'speed'>('all')
  const { rungs, rung, choice, speed, audio, track } = state
  const close = () => (state.menu.value = 'none')
  const current = rungs.value[rung.value]
  const wanted = rungs.value[choice.value]
  const { ref, onKeyDown } = useArrows()

  if (page.value === 'quality') {
    const choices = [...rungs.value].reverse().map((it) => ({
      label: rungName(it),
      ...(it.height > 0 ? { detail: bitrate(it.bitrate) } : {}),
      isChosen: choice.value === it.index,
      choose: () => {
        controller.choose(it.index)
        close()
      },
    }))
    const automatic = {
      label: texts.automatic,
      ...(current && choice.value < 0 ? { detail: rungName(current) } : {}),
      isChosen: choice.value < 0,
      choose: () => {
        controller.choose(-1)
        close()
      },
    }
    return <Choices title={texts.quality} choices={[automatic, ...choices]} onBack={() => (page.value = 'all')} />
  }
  if (page.value === 'audio') {
    const choices = audio.value.map((it) => ({
      label: it.name || it.language,
      isChosen: track.value === it.index,
      choose: () => {
        controller.audio(it.index)
        close()
      },
    }))
    return <Choices title={texts.audio} choices={choices} onBack={() => (page.value = 'all')} />
  }
  if (page.value === 'speed') {
    const choices = SPEEDS.map((it) => ({
      label: texts.speedIs(it),
      isChosen: Math.abs(speed.value - it) < 0.01,
      choose: () => {
        controller.setSpeed(it)
        close()
      },
    }))
    return <Choices title={texts.speed} choices={choices} onBack={() => (page.value = 'all')} />
  }
  const quality = wanted ? rungName(wanted) : current ? texts.automaticIs(rungName(current)) : texts.automatic
  return (
    <div class="menu" role="menu" aria-label={texts.settings} ref={ref} onKeyDown={onKeyDown}>
      {rungs.value.length > 0 && (
        <button type="button" role="menuitem" aria-haspopup="true" onClick={() => (page.value = 'quality')}>
          <span>{texts.quality}</span>
          <span class="detail">{quality}</span>
        </button>
      )}
      {audio.value.length > 1 && (
        <button type="button" role="menuitem" aria-haspopup="true" onClick={() => (page.value = 'audio')}>
          <span>{texts.audio}</span>
          <span class="detail">{audio.value[track.value]?.name}</span>
        </button>
      )}
      <button type="button" role="menuitem" aria-haspopup="true" onClick={() => (page.value = 'speed')}>
        <span>{texts.speed}</span>
        <span class="detail">{texts.speedIs(speed.value)}</span>
      </button>
      <button
        type="button"
        role="menuitem"
        onClick={() => {
          state.help.value = true
          close()
        }}
      >
        <span>{texts.keyboard}</span>
        <span class="detail">?</span>
      </button>
      <button
        type="button"
        role="menuitemcheckbox"
        aria-checked={state.stats.value}
        onClick={() => {
          state.stats.value = !state.stats.value
          close()
        }}
      >
        <span>{texts.stats}</span>
        <span class="detail">S</span>
      </button>
    </div>
  )
}

export function ChaptersMenu({ state, controller }: Props) {
  const { chapters, time } = state
  const current = at(chapters.value, time.value)
  const choices = chapters.value.map((it) => ({
    label: it.text,
    detail: clock(it.start),
    isChosen: it === current,
    choose: () => {
      controller.seek(it.start)
      state.menu.value = 'none'
    },
  }))
  return <Choices title={texts.chapters} choices={choices} />
}

export function CaptionsMenu({ state, controller }: Props) {
  const { captions, caption } = state
  const choose = (index: number) => () => {
    controller.caption(index)
    state.menu.value = 'none'
  }
  const choices = captions.value.map((it) => ({ label: it.name || it.language, isChosen: caption.value === it.index, choose: choose(it.index) }))
  return <Choices title={texts.captions} choices={[{ label: texts.off, isChosen: caption.value < 0, choose: choose(-1) }, ...choices]} />
}
