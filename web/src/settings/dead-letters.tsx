// Jobs that failed too often: the operator queues them again.

import { client, data } from '../api/client'
import { sentence } from '../api/problem'
import { dateAndTime } from '../format'
import { texts } from '../texts'
import { Button, Empty, Notice } from '../ui/kit'
import { useLoaded } from '../ui/load'
import { useEvery } from '../ui/page'
import { toast, toastError } from '../ui/toast'

const t = texts.settings.deadLetters

export function DeadLetters() {
  const [state, again] = useLoaded('letters', () => data(client.GET('/v1/dead-letters', { params: { query: { limit: 200 } } })))
  useEvery(10, () => void again())
  const run = async (request: Promise<{ data?: { redriven: number; dropped: number } }>) => {
    try {
      const { redriven, dropped } = await data(request)
      toast(t.done(redriven, dropped))
    } catch (error) {
      toastError(error)
    }
    await again()
  }
  const loaded = state.value
  const letters = loaded.kind === 'there' ? loaded.value.dead_letters : []
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t.title}</h2>
        {letters.length > 0 && (
          <Button kind="primary" icon="retry" onClick={() => void run(client.POST('/v1/dead-letters/redrive'))}>
            {t.redriveAll}
          </Button>
        )}
      </div>
      <p class="muted">{t.note}</p>
      {loaded.kind === 'failed' && <Notice kind="danger">{sentence(loaded.error)}</Notice>}
      {loaded.kind === 'there' && letters.length === 0 && <Empty icon="check" title={t.none} />}
      {letters.length > 0 && (
        <div class="scroll-x" tabIndex={0} role="region" aria-label={t.title}>
          <table class="table">
            <thead>
              <tr>
                <th>{t.video}</th>
                <th>{t.reason}</th>
                <th class="end">{t.attempts}</th>
                <th>{t.at}</th>
                <th>{t.actions}</th>
              </tr>
            </thead>
            <tbody class="number">
              {letters.map((it) => (
                <tr key={it.id}>
                  <td>
                    {it.video ? (
                      <a href={`/videos/${it.video}`} class="mono">
                        {it.video}
                      </a>
                    ) : (
                      t.unreadable
                    )}
                  </td>
                  <td>{it.reason ?? '\u2013'}</td>
                  <td class="end">{it.attempts}</td>
                  <td>{dateAndTime(it.dead_lettered_at)}</td>
                  <td>
                    <Button
                      size="small"
                      icon="retry"
                      onClick={() => void run(client.POST('/v1/dead-letters/{letter}/redrive', { params: { path: { letter: it.id } } }))}
                    >
                      {t.redrive}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
