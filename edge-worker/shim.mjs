// What Cloudflare calls. A panic must not happen; should one nevertheless, the bindings begin with a fresh memory at the
// next request (a test exhausts it).

import { fetch, queue } from './index.js'

export default { fetch, queue }
