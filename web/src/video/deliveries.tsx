// The webhooks that were sent about a video.

import { client, data, type Schemas } from '../api/client'
import { may } from '../api/session'
import { texts } from '../texts'
import { useLoaded } from '../ui/load'
import { DeliveryTable } from '../settings/delivery-table'

export function Deliveries({ video, updated }: { video: string; updated: string }) {
  const [state] = useLoaded<Schemas['VideoDeliveryList'] | null>(`${video} ${updated}`, async () =>
    may('webhooks') ? data(client.GET('/v1/videos/{video}/deliveries', { params: { path: { video } } })).catch(() => null) : null,
  )
  const all = state.value.kind === 'there' ? state.value.value?.deliveries : undefined
  if (!all?.length) return null
  return (
    <section class="card">
      <h2>{texts.video.webhooks}</h2>
      <DeliveryTable deliveries={all} />
    </section>
  )
}
