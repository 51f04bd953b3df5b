// Captions that the transcriber of the installation makes of the audio: the request, and its state.

import { useSignal } from '@preact/signals'
import { client, data, type Schemas } from '../api/client'
import { may } from '../api/session'
import { texts } from '../texts'
import { Button, Dialog, Notice } from '../ui/kit'
import { attempt } from '../ui/toast'
import { LanguageField } from './language-field'

const t = texts.video.transcriptions

/** Transcriptions that wait or failed. */
export function Transcriptions({ video, list, again }: { video: string; list: Schemas['Transcription'][]; again: () => void }) {
  return (
    <>
      {list.map((it) =>
        it.status === 'failed' ? (
          <Notice key={it.language} kind="danger">
            {t.failed(it.language)} {it.failure?.message}{' '}
            {may('write') && (
              <Button size="small" onClick={() => void request(video, it.language).then(again)}>
                {t.again}
              </Button>
            )}
          </Notice>
        ) : (
          <p key={it.language} class="muted small" role="status">
            {t.pending(it.language)}
          </p>
        ),
      )}
    </>
  )
}

const request = (video: string, language: string) =>
  attempt(data(client.POST('/v1/videos/{video}/captions', { params: { path: { video } }, body: { language } })), t.requested)

/** Asks for the language of the speech. */
export function Transcribe({ video, onClose, onRequested }: { video: string; onClose: () => void; onRequested: () => void }) {
  const language = useSignal('')
  const submit = async (event: Event) => {
    event.preventDefault()
    if (!(await request(video, language.value.trim()))) return
    onRequested()
    onClose()
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p class="muted">{t.about}</p>
        <LanguageField label={t.language} hint={t.languageHint} language={language} />
        <div class="actions">
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary">
            {t.request}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
