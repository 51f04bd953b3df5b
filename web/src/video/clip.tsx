// Cuts a part out of a video, as a video of its own.

import { useSignal } from '@preact/signals'
import { client, data, type Video } from '../api/client'
import { may } from '../api/session'
import { clock } from '../format'
import { go } from '../router'
import { texts } from '../texts'
import { Button, Dialog, Field } from '../ui/kit'
import { attempt } from '../ui/toast'
import { Frame } from './frame'
import { hasOnlyAudio } from './names'

const t = texts.video.clip
/** Seconds. */
const SHORTEST = 1

export function ClipDialog({ video, onClose }: { video: Video; onClose: () => void }) {
  const duration = video.duration_seconds ?? 0
  const start = useSignal(0)
  const end = useSignal(Math.min(duration, 30))
  const title = useSignal('')
  const isAligned = useSignal(false)
  const isBusy = useSignal(false)
  const isPossible = end.value - start.value >= SHORTEST && start.value >= 0 && end.value <= duration
  const create = async () => {
    isBusy.value = true
    const align = isAligned.value ? ('keyframe' as const) : ('exact' as const)
    const clip = { video: video.id, start: start.value, end: end.value, align }
    const named = title.value.trim() ? { title: title.value.trim() } : {}
    const created = data(client.POST('/v1/videos', { body: { clip, ...named } }))
    await attempt(
      created.then(({ id }) => {
        onClose()
        go(`/videos/${id}`)
      }),
      t.created,
    )
    isBusy.value = false
  }
  const time = (label: string, value: typeof start) => (
    <div class="stack">
      <Field label={label} hint={clock(value.value)}>
        <input
          class="input"
          type="number"
          min={0}
          max={duration}
          step={0.1}
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.valueAsNumber || 0)}
        />
      </Field>
      {may('play') && !hasOnlyAudio(video) && <Frame video={video.id} at={Math.min(value.value, duration)} />}
    </div>
  )
  return (
    <Dialog title={t.title} onClose={onClose} isWide>
      <p class="muted">{t.note}</p>
      <div class="clip-ends">
        {time(t.start, start)}
        {time(t.end, end)}
      </div>
      <Field label={t.name} hint={t.nameHint}>
        <input class="input" maxLength={200} value={title.value} onInput={(event) => (title.value = event.currentTarget.value)} />
      </Field>
      {!hasOnlyAudio(video) && (
        <label class="row">
          <input type="checkbox" checked={isAligned.value} onChange={(event) => (isAligned.value = event.currentTarget.checked)} />
          <span>{t.align}</span>
        </label>
      )}
      {!isPossible && <p class="small bad">{t.impossible(clock(duration))}</p>}
      <div class="actions">
        <Button onClick={onClose}>{texts.cancel}</Button>
        <Button kind="primary" disabled={!isPossible || isBusy.value} onClick={() => void create()}>
          {t.create}
        </Button>
      </div>
    </Dialog>
  )
}
