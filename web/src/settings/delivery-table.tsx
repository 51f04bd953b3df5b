// The log of a webhook's deliveries.

import type { Schemas } from '../api/client'
import { dateAndTime } from '../format'
import { texts } from '../texts'
import { Button } from '../ui/kit'

const t = texts.settings.deliveries
type Delivery = Schemas['Delivery']
const TONES: Record<Delivery['status'], string> = { pending: 'busy', delivered: 'good', failed: 'bad' }

export function DeliveryTable({ deliveries, onReplay }: { deliveries: Delivery[]; onReplay?: (delivery: Delivery) => void }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={t.title}>
      <table class="table">
        <thead>
          <tr>
            <th>{t.event}</th>
            <th>{t.status}</th>
            <th>{t.at}</th>
            <th class="end">{t.attempts}</th>
            <th>{t.answer}</th>
            {onReplay && <th>{t.actions}</th>}
          </tr>
        </thead>
        <tbody class="number">
          {deliveries.map((it) => (
            <tr key={it.id}>
              <td>
                <div>{it.event.type}</div>
                {it.event.video && (
                  <a class="small" href={`/videos/${it.event.video}`}>
                    {t.video}
                  </a>
                )}
              </td>
              <td>
                <span class={`badge ${TONES[it.status]}`}>{t.statuses[it.status]}</span>
              </td>
              <td>{dateAndTime(it.created_at)}</td>
              <td class="end">{it.attempts}</td>
              <td class="wrap-anywhere small">
                {it.last_error ?? (it.last_status ? t.responded(it.last_status, it.last_duration_ms ?? 0) : '\u2013')}
                {it.next_attempt_at && <div class="muted">{t.next(dateAndTime(it.next_attempt_at))}</div>}
              </td>
              {onReplay && (
                <td>
                  <Button size="small" icon="retry" onClick={() => onReplay(it)}>
                    {t.replay}
                  </Button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
