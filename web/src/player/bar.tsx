// The controls below the video.

import type { ComponentChildren } from 'preact'
import { player as texts } from '../texts'
import { clock } from '../format'
import type { Controller } from './controller'
import { Icon, type IconName } from './icons'
import { CaptionsMenu, ChaptersMenu, SettingsMenu } from './menus'
import { Scrubber } from './scrubber'
import type { PlayerState } from './state'
import { at } from './vtt'

interface Props {
  state: PlayerState
  controller: Controller
}

export function Bar({ state, controller }: Props) {
  const { paused, ended, muted, volume, time, duration, menu, captions, caption, chapters, fullscreen, remote } = state
  const chapter = chapters.value.length > 0 ? at(chapters.value, time.value) : undefined
  const open = (name: 'settings' | 'captions' | 'chapters') => (menu.value = menu.value === name ? 'none' : name)
  const loudness: IconName = muted.value || volume.value === 0 ? 'muted' : volume.value < 0.5 ? 'quiet' : 'volume'
  return (
    <div class="bar" onPointerDown={() => controller.wake()}>
      {menu.value === 'settings' && <SettingsMenu state={state} controller={controller} />}
      {menu.value === 'captions' && <CaptionsMenu state={state} controller={controller} />}
      {menu.value === 'chapters' && <ChaptersMenu state={state} controller={controller} />}
      <Scrubber state={state} controller={controller} />
      <div class="buttons">
        <Button
          icon={ended.value ? 'replay' : paused.value ? 'play' : 'pause'}
          label={ended.value ? texts.replay : paused.value ? texts.play : texts.pause}
          hint="K"
          onClick={() => controller.toggle()}
        />
        <div class="loudness">
          <Button icon={loudness} label={muted.value ? texts.unmute : texts.mute} hint="M" onClick={() => controller.mute()} />
          <input
            type="range"
            class="volume"
            min="0"
            max="1"
            step="0.05"
            value={muted.value ? 0 : volume.value}
            aria-label={texts.volume}
            ref={(input) => void input?.style.setProperty('--part', String(muted.value ? 0 : volume.value))}
            onInput={(event) => controller.setVolume(event.currentTarget.valueAsNumber)}
          />
        </div>
        <span class="time">
          {clock(time.value)}
          <span class="of"> / {clock(duration.value)}</span>
        </span>
        {chapters.value.length > 0 && (
          <button
            type="button"
            class="control chapter-name"
            aria-haspopup="true"
            aria-expanded={menu.value === 'chapters'}
            aria-label={chapter ? texts.chapterIs(chapter.text) : texts.chapters}
            title={texts.chapters}
            onClick={() => open('chapters')}
          >
            {chapter?.text ?? texts.chapters}
          </button>
        )}
        <span class="gap" />
        {captions.value.length > 0 && (
          <Button
            icon="captions"
            label={texts.captions}
            hint="C"
            pressed={caption.value >= 0}
            expanded={menu.value === 'captions'}
            onClick={() => open('captions')}
          />
        )}
        {remote.value !== 'none' && (
          <Button
            icon={remote.value}
            label={remote.value === 'airplay' ? texts.airplay : texts.cast}
            onClick={() => controller.sendToScreen()}
          />
        )}
        <Button icon="settings" label={texts.settings} expanded={menu.value === 'settings'} onClick={() => open('settings')} />
        {document.pictureInPictureEnabled && (
          <Button class="pip" icon="pip" label={texts.pictureInPicture} hint="P" onClick={() => void controller.pictureInPicture()} />
        )}
        <Button
          icon={fullscreen.value ? 'shrink' : 'fullscreen'}
          label={fullscreen.value ? texts.leaveFullscreen : texts.fullscreen}
          hint="F"
          onClick={() => void controller.fullscreen()}
        />
      </div>
    </div>
  )
}

interface ButtonProps {
  icon: IconName
  label: string
  hint?: string
  class?: string
  pressed?: boolean
  expanded?: boolean
  onClick: () => void
  children?: ComponentChildren
}

function Button({ icon, label, hint, pressed, expanded, onClick, class: kind }: ButtonProps) {
  return (
    <button
      type="button"
      class={`control ${kind ?? ''}`}
      aria-label={label}
      title={hint ? `${label} (${hint})` : label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-haspopup={expanded === undefined ? undefined : 'true'}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}
