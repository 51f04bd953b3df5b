// The chapters of a video: a list, and a text with one chapter per line to edit it.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { client, data, type Schemas, type Video } from '../api/client'
import { may } from '../api/session'
import { clock } from '../format'
import { texts } from '../texts'
import { Button, Dialog, Field } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { attempt } from '../ui/toast'
import { linesOf, parseLines } from './chapter-lines'

const t = texts.video.chapters

export function ChaptersCard({ video }: { video: Video }) {
  const path = { params: { path: { video: video.id } } }
  const [state, again] = useLoaded(video.id, () => data(client.GET('/v1/videos/{video}/chapters', path)))
  const isOpen = useSignal(false)
  useEffect(() => void again(), [video.updated_at])
  if (state.value.kind !== 'there') return null
  const { chapters, origin, status } = state.value.value
  const facts = [origin === 'embedded' && t.embedded, status === 'pending' && t.pending].filter(Boolean).join(' \u00b7 ')
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t.title}</h2>
        {may('write') && (
          <Button size="small" onClick={() => (isOpen.value = true)}>
            {t.edit}
          </Button>
        )}
      </div>
      {chapters.length === 0 ? <p class="muted small">{t.none}</p> : facts && <p class="muted small">{facts}</p>}
      <ol class="lines">
        {chapters.map((it) => (
          <li key={it.start} class="small">
            <a href={`/watch/${video.id}?start=${it.start}`} class="number">
              {clock(it.start)}
            </a>{' '}
            <span dir="auto">{it.title}</span>
          </li>
        ))}
      </ol>
      {isOpen.value && <Edit video={video.id} chapters={chapters} onClose={() => (isOpen.value = false)} onSaved={again} />}
    </section>
  )
}

interface EditProps {
  video: string
  chapters: Schemas['Chapter'][]
  onClose: () => void
  onSaved: () => unknown
}

function Edit({ video, chapters, onClose, onSaved }: EditProps) {
  const text = useSignal(linesOf(chapters))
  const parsed = parseLines(text.value)
  const submit = (event: Event) => {
    event.preventDefault()
    if (parsed.faultyLine !== undefined) return
    const path = { params: { path: { video } } }
    const saved = data(client.PUT('/v1/videos/{video}/chapters', { ...path, body: { chapters: parsed.chapters } }))
    void attempt(
      saved.then(() => {
        onSaved()
        onClose()
      }),
      t.saved,
    )
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <Field label={t.lines} hint={parsed.faultyLine === undefined ? t.linesHint : t.faulty(parsed.faultyLine)}>
          <textarea
            class="input"
            rows={12}
            placeholder={t.example}
            aria-invalid={parsed.faultyLine !== undefined}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </Field>
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" disabled={parsed.faultyLine !== undefined}>
            {t.save}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
