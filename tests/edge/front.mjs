// What stands around the worker in tests: Cloudflare tells it the country of a viewer, here a header does. And it can be
// asked how much memory the worker has, and to take all that it could still get.

import './memory.mjs'
import worker from './index.js'

export default {
  async fetch(request, env, context) {
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
    return worker.fetch(request, env, context)
  },
  queue: (batch, env, context) => worker.queue(batch, env, context),
}
