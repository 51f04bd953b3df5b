// Keeps transcoders running in Cloudflare Containers. A transcoder takes its jobs from the queue, so no request ever
// reaches a container: the Worker only starts those that have ended.
import { DurableObject } from 'cloudflare:workers'

// The cron trigger calls each minute. A container whose Worker is gone ends after this time.
const KEEP_MS = 10 * 60 * 1000

export class Transcoder extends DurableObject {
  async keep() {
    const container = this.ctx.container
    if (!container.running) {
      // Settings and secrets of the transcoder have the names that docs/configuration.md lists.
      const env = Object.fromEntries(Object.entries(this.env).filter(([name]) => /^(EDGEREEL|AWS)_/.test(name)))
      container.start({ env, entrypoint: ['/usr/local/bin/edgereel', 'transcoder'], enableInternet: true })
    }
    await container.setInactivityTimeout(KEEP_MS)
  }
}

export default {
  async scheduled(_event, env) {
    const numbers = Array.from({ length: Number(env.TRANSCODERS) }, (_, number) => number)
    const transcoders = numbers.map((number) => env.TRANSCODER.get(env.TRANSCODER.idFromName(`transcoder-${number}`)))
    // One that cannot start must not keep the others from starting.
    const results = await Promise.allSettled(transcoders.map((it) => it.keep()))
    for (const it of results) if (it.status === 'rejected') console.error(`cannot start a transcoder: ${it.reason}`)
  },
}
