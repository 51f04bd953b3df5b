// What a video cost, and what it would cost elsewhere.

import { Fragment } from 'preact'
import type { Video } from '../api/client'
import { bytes, count, dollars, duration, gain, level } from '../format'
import { texts } from '../texts'
import { elsewhere } from './prices'

const t = texts.video.receipt

export function ReceiptCard({ video }: { video: Video }) {
  const { receipt } = video
  if (!receipt) return null
  const minutes = receipt.source_ms / 60_000
  const rows = elsewhere(receipt.cost, minutes)
  return (
    <section class="card receipt">
      <h2>{t.title}</h2>
      <dl class="facts number">
        <dt>{t.cpu}</dt>
        <dd>{duration(receipt.cpu_ms / 1000)}</dd>
        <dt>{t.wall}</dt>
        <dd>{duration(receipt.wall_ms / 1000)}</dd>
        <dt>{t.read}</dt>
        <dd>{bytes(receipt.bytes_in)}</dd>
        <dt>{t.written}</dt>
        <dd>{bytes(receipt.bytes_out)}</dd>
        <dt>{t.stored}</dt>
        <dd>{bytes(receipt.stored_bytes)}</dd>
        <dt>{t.requests}</dt>
        <dd>{t.writesAndReads(count(receipt.store_writes), count(receipt.store_reads))}</dd>
        {receipt.loudness?.map((it) => (
          <Fragment key={it.track}>
            <dt>{t.loudness(receipt.loudness?.length === 1 ? undefined : it.track + 1)}</dt>
            <dd>{t.loudnessAndGain(level(it.integrated_lufs), gain(it.gain_db))}</dd>
          </Fragment>
        ))}
      </dl>
      <div class="scroll-x prices-box" tabIndex={0} role="region" aria-label={t.compared}>
        <table class="table prices">
          <thead>
            <tr>
              <th>{t.price}</th>
              <th class="end">Edgereel</th>
              <th class="end">Mux</th>
              <th class="end">Stream</th>
            </tr>
          </thead>
          <tbody class="number">
            {rows.map(({ name, edgereel, mux, stream }) => (
              <tr key={name}>
                <td>{t.rows[name]}</td>
                <td class="end">
                  <strong>{dollars(edgereel)}</strong>
                </td>
                <td class="end">{mux === 0 ? t.included : dollars(mux)}</td>
                <td class="end">{stream === 0 ? t.included : dollars(stream)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted small">{t.note}</p>
    </section>
  )
}
