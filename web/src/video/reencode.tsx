// Asks with which settings to encode videos again.

import { useSignal } from '@preact/signals'
import type { Schemas } from '../api/client'
import { known } from '../api/session'
import { texts } from '../texts'
import { Button, Dialog, Field } from '../ui/kit'

const t = texts.video.reencodeDialog

export type Settings = Pick<Schemas['ReencodeRequest'], 'mode' | 'profile'>

interface Props {
  /** The settings of the current version, if all videos have the same. */
  now: Settings
  onStart: (settings: Settings) => void
  onClose: () => void
}

/** The choice of a mode and a profile. The same settings would make the same version again. */
export function ReencodeDialog({ now, onStart, onClose }: Props) {
  const mode = useSignal(now.mode ?? 'abr')
  const profile = useSignal(now.profile ?? '')
  const profiles = known()?.profiles ?? []
  const isSame = mode.value === now.mode && profile.value === now.profile
  return (
    <Dialog title={texts.video.reencode} onClose={onClose}>
      <p class="muted">{t.note}</p>
      <Field label={texts.convert.mode}>
        <select
          class="input"
          value={mode.value}
          onChange={(event) => (mode.value = event.currentTarget.value as 'abr' | 'copy')}
        >
          <option value="abr">{texts.video.modes.abr}</option>
          <option value="copy">{texts.video.modes.copy}</option>
        </select>
      </Field>
      {profiles.length > 1 && (
        <Field label={texts.upload.profile}>
          <select
            class="input"
            value={profile.value}
            onChange={(event) => (profile.value = event.currentTarget.value)}
          >
            {now.profile === undefined && <option value="">{t.keep}</option>}
            {profiles.map((it) => (
              <option key={it}>{it}</option>
            ))}
          </select>
        </Field>
      )}
      {isSame && <p class="small muted">{t.same}</p>}
      <div class="actions">
        <Button onClick={onClose}>{texts.cancel}</Button>
        <Button
          kind="primary"
          disabled={isSame}
          onClick={() => {
            onStart({ mode: mode.value, ...(profile.value ? { profile: profile.value } : {}) })
            onClose()
          }}
        >
          {texts.video.reencode}
        </Button>
      </div>
    </Dialog>
  )
}
