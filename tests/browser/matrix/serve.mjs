// Serves the HLS of all combinations, as a bucket would, with the keys that `edgereel transcode --encrypt` stores beside it.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'

const TYPES = {
  m3u8: 'application/vnd.apple.mpegurl',
  ts: 'video/mp2t',
  m4s: 'video/iso.segment',
  mp4: 'video/mp4',
  vtt: 'text/vtt',
  key: 'application/octet-stream',
}

/** What a codec is called in CODECS (RFC 6381). */
const PREFIXES = { h264: ['avc1'], hevc: ['hvc1', 'hev1'], av1: ['av01'] }

/** The master playlist with the variants of one codec only: what is left if a player knows no other. */
export function only(playlist, codec) {
  const lines = playlist.split('\n')
  const has = (line) => PREFIXES[codec].some((it) => new RegExp(`CODECS="[^"]*${it}\\.`).test(line))
  const kept = lines.filter((line, at) => {
    const variant = line.startsWith('#EXT-X-STREAM-INF') ? line : lines[at - 1]
    return !variant?.startsWith('#EXT-X-STREAM-INF') || has(variant)
  })
  return kept.join('\n')
}

/** Starts the server. `folders`: name in the path -> directory. */
export async function serve(folders) {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
    const [, name, ...rest] = pathname.split('/')
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', '*')
    try {
      const path = join(folders[name], normalize(`/${rest.join('/')}`))
      let body = await readFile(path)
      const codec = searchParams.get('only')
      if (codec) body = Buffer.from(only(body.toString(), codec))
      response.setHeader('content-type', TYPES[path.split('.').pop()] ?? 'application/octet-stream')
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
      if (!range) return response.end(body)
      const [from, to] = [Number(range[1]), range[2] ? Math.min(Number(range[2]), body.length - 1) : body.length - 1]
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${body.length}` })
      response.end(body.subarray(from, to + 1))
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}
