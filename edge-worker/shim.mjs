// What Cloudflare calls. A panic must not happen; should one nevertheless, the memory it leaves behind is not to be
// trusted: the next request begins with a fresh one.

import * as worker from './index.js'

let broken = false

const failed = (error) => {
  broken ||= error instanceof WebAssembly.RuntimeError
  throw error
}

const guarded = (handler) => (value, env, context) => {
  if (broken) {
    console.log('the memory is made anew')
    worker.__wbg_reset_state()
    broken = false
  }
  try {
    return handler(value, env, context).catch(failed)
  } catch (error) {
    return failed(error)
  }
}

addEventListener('error', (event) => {
  broken ||= event.error instanceof WebAssembly.RuntimeError
})

export default { fetch: guarded(worker.fetch), queue: guarded(worker.queue) }
