// The network between the browser and everything else: a proxy that counts, slows down, and fails.

import { createServer, request as forward } from 'node:http'
import { Transform } from 'node:stream'

/** Starts the proxy. All requests of a browser with `proxy: address` pass through it. */
export async function startNetwork() {
  const state = { isCut: false, rate: 0, rules: [] }
  /** Every part that the store has received as a whole: `{ video, part, status, bytes }`. */
  const parts = []
  /** The path of every request. */
  const paths = []
  const server = createServer((request, response) => {
    const url = new URL(request.url)
    paths.push(url.pathname)
    const rule = state.rules.find((it) => it.matches(request.method, url))
    if (state.isCut) return void request.socket.destroy()
    if (rule) return void answer(request, response, rule)
    const { host, pathname } = url
    const options = {
      host: url.hostname,
      port: url.port,
      method: request.method,
      path: url.pathname + url.search,
    }
    const upstream = forward({ ...options, headers: { ...request.headers, host } })
    let bytes = 0
    request.on('data', (data) => (bytes += data.length))
    const isPart = request.method === 'PUT' && url.searchParams.has('partNumber')
    upstream.on('response', (reply) => {
      const part = Number(url.searchParams.get('partNumber'))
      const video = /vid_[0-9a-f]{32}/.exec(pathname)?.[0]
      if (isPart) parts.push({ video, part, status: reply.statusCode, bytes })
      response.writeHead(reply.statusCode, reply.headers)
      reply.pipe(response)
      reply.on('error', () => response.destroy())
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    if (isPart && state.rate > 0) request.pipe(slowly(() => state.rate)).pipe(upstream)
    else request.pipe(upstream)
  })
  const sockets = new Set()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    parts,
    paths,
    /** Ends every connection, and refuses others until `join`. */
    cut() {
      state.isCut = true
      for (const socket of sockets) socket.destroy()
    },
    join() {
      state.isCut = false
    },
    /** How many bytes of parts pass in a second; 0: no limit. */
    limit(rate) {
      state.rate = rate
    },
    /** Responds to requests with a status, until the returned function is called. */
    fail(matches, status, { headers = {}, body } = {}) {
      const rule = { matches, status, headers, body, count: 0 }
      state.rules.push(rule)
      return Object.assign(() => void (state.rules = state.rules.filter((it) => it !== rule)), {
        rule,
      })
    },
    close: () => server.close(),
  }
}

function answer(request, response, rule) {
  rule.count += 1
  const origin = request.headers.origin ?? '*'
  // As the store and the API do: without this, pages could not read the status.
  const cors = {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'ETag, Retry-After',
  }
  request.resume()
  const send = () => {
    const type = rule.body ? { 'content-type': 'application/problem+json' } : {}
    response.writeHead(rule.status, { ...cors, ...type, ...rule.headers })
    response.end(rule.body && JSON.stringify(rule.body))
  }
  request.on('end', send)
}

/** Passes at most `rate()` bytes in a second. */
function slowly(rate) {
  return new Transform({
    transform(data, _, done) {
      const wait = rate() > 0 ? (data.length / rate()) * 1000 : 0
      setTimeout(() => done(null, data), wait)
    },
  })
}
