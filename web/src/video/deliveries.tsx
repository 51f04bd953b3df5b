// The webhooks that were sent about a video.

import { send } from '../api/client'
import type { VideoDeliveries } from '../api/contract'
import { may } from '../api/session'
import { texts } from '../texts'
import { useLoaded } from '../ui/load'
import { DeliveryTable } from '../settings/delivery-table'

export function Deliveries({ video, updated }: { video: string; updated: string }) {
  const [state] = useLoaded<VideoDeliveries | null>(`${video} ${updated}`, async () =>
    may('webhooks') ? send<VideoDeliveries>('GET', `/v1/videos/${video}/deliveries`).catch(() => null) : null,
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
