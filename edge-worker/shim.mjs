// What Cloudflare calls. A panic must not happen; should one nevertheless, the memory it leaves behind is not to be
// trusted: the next request begins with a fresh one.

import * as worker from './index.js'

let broken = false

const guarded = async (handler, values) => {
  if (broken) {
    console.log('the memory is made anew')
    worker.__wbg_reset_state()
    broken = false
  }
  try {
    return await handler(...values)
  } catch (error) {
    broken ||= error instanceof WebAssembly.RuntimeError
    throw error
  }
}

addEventListener('error', (event) => {
  broken ||= event.error instanceof WebAssembly.RuntimeError
})

export default {
  fetch: (...values) => guarded(worker.fetch, values),
  queue: (...values) => guarded(worker.queue, values),
}
