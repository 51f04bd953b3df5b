// Reads from R2 and KV as a request does, without any decision: measures the cost of the
// simulators.

const VIDEO = `vid_${'018bcfe568007'.padEnd(32, '7')}`
const GENERATION = '6580b562fc319fd8'

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const asked = env.EDGE_LIST.get([`video/${VIDEO}`, 'session/0000000000000000', 'viewer/0000000000000000'], { cacheTtl: 30 })
    const reading =
      pathname === '/key'
        ? env.PRIVATE.get(`keys/${VIDEO}/${GENERATION}/1080p.json`)
        : env.MEDIA.get(`hls/${VIDEO}/${GENERATION}/${pathname === '/keys' ? '720p/720p' : '1080p/1080p'}.m3u8`)
    const [, object] = await Promise.all([asked, reading])
    return new Response(await object.arrayBuffer())
  },
}
