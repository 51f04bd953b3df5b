// The environment of the worker in tests: a header takes the place of the country that Cloudflare
// reports. It can also report the memory of the worker, and exhaust it. With the variable
// `COUNTS_VIEWS`, it keeps the data points that the worker writes.

import './memory.mjs'
import worker from './index.js'

// In place of a data set of Analytics Engine, whose simulation keeps nothing.
const points = []
const views = { writeDataPoint: (point) => void points.push(point) }

export default {
  async fetch(request, env, context) {
    if (request.url.endsWith('/__points')) return Response.json(points.splice(0))
    if (request.url.endsWith('/__memory')) {
      const pages = globalThis.edgeInstance.exports.memory.buffer.byteLength / 65536
      return Response.json({ pages, instances: globalThis.edgeInstances })
    }
    if (request.url.endsWith('/__exhaust')) {
      const { memory } = globalThis.edgeInstance.exports
      for (let pages = 1 << 15; pages >= 1; ) {
        try {
          memory.grow(pages)
        } catch {
          pages >>= 1
        }
      }
      return Response.json({ pages: memory.buffer.byteLength / 65536 })
    }
    const country = request.headers.get('x-client-country')
    Object.defineProperty(request, 'cf', { value: country ? { country } : undefined })
    return worker.fetch(request, env.COUNTS_VIEWS ? { ...env, VIEWS: views } : env, context)
  },
  queue: (batch, env, context) => worker.queue(batch, env, context),
}
