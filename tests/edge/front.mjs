// What stands around the worker in tests: Cloudflare tells it the country of a viewer, here a header does. And it can be
// asked how much memory the worker has.

import './memory.mjs'
import worker from './index.js'

export default {
  async fetch(request, env, context) {
    if (request.url.endsWith('/__memory')) {
      const pages = globalThis.edgeInstance.exports.memory.buffer.byteLength / 65536
      return Response.json({ pages, instances: globalThis.edgeInstances })
    }
    const country = request.headers.get('x-client-country')
    Object.defineProperty(request, 'cf', { value: country ? { country } : undefined })
    return worker.fetch(request, env, context)
  },
  queue: (batch, env, context) => worker.queue(batch, env, context),
}
