// What stands around the worker in tests: Cloudflare tells it the country of a viewer, here a header does. And it can be
// asked how much memory the worker uses.

import worker from './index.js'

let memory
const Instance = WebAssembly.Instance

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === '/__memory') {
      return Response.json({ pages: globalThis.__edge_memory?.() ?? null })
    }
    const country = request.headers.get('x-client-country')
    Object.defineProperty(request, 'cf', { value: country ? { country } : undefined })
    return worker.fetch(request, env, context)
  },
  queue: (batch, env, context) => worker.queue(batch, env, context),
}
