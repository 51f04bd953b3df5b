// The entry points for Cloudflare. A panic must not happen; if one does nevertheless, the bindings
// create a new memory at the next request (a test exhausts the memory).

import { fetch, queue } from './index.js'

export default { fetch, queue }
