// List prices in US dollars: infra/prices.toml names when they were read.

/** Per minute of video. */
const MUX = { storage: 0.0024, delivery: 0.0008 }
const STREAM = { storage: 0.005, delivery: 0.001 }
/** Requests of the Worker and of R2 for a minute that is watched: 100 USD for 100,000 hours. */
const OWN_DELIVERY = 100 / (100_000 * 60)
/** Views whose price is shown. */
const VIEWS = 1_000

export interface Cost {
  compute_usd: number
  egress_usd: number
  requests_usd: number
  storage_usd_per_month: number
}

export interface Row {
  name: 'transcoding' | 'storage' | 'delivery'
  edgereel: number
  mux: number
  stream: number
}

/** What a video of some minutes costs here and elsewhere. */
export function elsewhere(cost: Cost, minutes: number): Row[] {
  return [
    { name: 'transcoding', edgereel: cost.compute_usd + cost.egress_usd + cost.requests_usd, mux: 0, stream: 0 },
    { name: 'storage', edgereel: cost.storage_usd_per_month, mux: MUX.storage * minutes, stream: STREAM.storage * minutes },
    { name: 'delivery', edgereel: OWN_DELIVERY * minutes * VIEWS, mux: MUX.delivery * minutes * VIEWS, stream: STREAM.delivery * minutes * VIEWS },
  ]
}

/** What transcoding costs on a rented server, per minute of source: 0.04 to 0.07 USD per hour. */
export const TRANSCODING_PER_MINUTE = 0.055 / 60
/** Seconds of CPU per second of source, with the default profile: docs/benchmarks.md. */
export const CPU_PER_SECOND = 2
/** Bits per second of a usual source, if only its size is known. */
export const USUAL_BITRATE = 6e6
