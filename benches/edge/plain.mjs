// The functions of the edge worker in plain JavaScript with WebCrypto, as an experienced developer
// would write them: keys imported once, one pass over a playlist, bodies streamed. The same
// secrets, paths and passes, so that one set of requests measures both.

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const PLAIN = /^\/[A-Za-z0-9/._-]*$/
const MAX_GRANT = 4096

let keys
async function load(env) {
  const mac = (bytes) => crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  const list = (text) => text.split(',').map((it) => it.trim().split(':'))
  const grants = new Map()
  for (const [id, algorithm, material] of list(env.EDGEREEL_GRANT_KEYS)) {
    if (algorithm === 'HS256') grants.set(id, await mac(decode(material)))
  }
  const passes = new Map()
  for (const [id, material] of list(env.EDGEREEL_PASS_KEYS)) passes.set(id, await mac(decode(material)))
  const wrapping = new Map()
  for (const [id, material] of list(env.EDGEREEL_KEY_ENCRYPTION_KEYS)) {
    wrapping.set(id, await crypto.subtle.importKey('raw', decode(material), 'AES-GCM', false, ['decrypt']))
  }
  return { grants, passes, wrapping, current: passes.keys().next().value }
}

function decode(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (it) => it.charCodeAt(0))
}
function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
function hex(bytes) {
  return Array.from(bytes, (it) => it.toString(16).padStart(2, '0')).join('')
}
async function fingerprint(text) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))).subarray(0, 8)
}

class Refusal extends Error {
  constructor(status, code) {
    super(code)
    this.status = status
  }
}

async function signPass({ purpose, video, generation, session, viewer, expires, renditions }) {
  const out = [1, purpose, keys.current.length, ...encoder.encode(keys.current), ...video, ...generation, ...session, ...viewer]
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, BigInt(expires))
  out.push(...time)
  if (renditions) {
    out.push(1, renditions.length)
    for (const name of renditions) out.push(name.length, ...encoder.encode(name))
  } else {
    out.push(0)
  }
  out.push(0, 0, 0, 0)
  const payload = new Uint8Array(out)
  const tag = new Uint8Array(await crypto.subtle.sign('HMAC', keys.passes.get(keys.current), payload)).subarray(0, 16)
  return encode([...payload, ...tag])
}

async function verifyPass(text, purpose, now) {
  if (text.length > 8192) throw new Refusal(403, 'pass-malformed')
  let bytes
  try {
    bytes = decode(text)
  } catch {
    throw new Refusal(403, 'pass-malformed')
  }
  if (bytes[0] !== 1) throw new Refusal(403, 'pass-version')
  const payload = bytes.subarray(0, bytes.length - 16)
  const key = keys.passes.get(decoder.decode(bytes.subarray(3, 3 + bytes[2])))
  if (!key) throw new Refusal(403, 'pass-key-unknown')
  const tag = new Uint8Array(await crypto.subtle.sign('HMAC', key, payload))
  let different = 0
  for (let at = 0; at < 16; at++) different |= tag[at] ^ bytes[payload.length + at]
  if (different) throw new Refusal(403, 'pass-signature')
  let at = 3 + bytes[2]
  const take = (length) => payload.subarray(at, (at += length))
  const [video, generation, session, viewer, time] = [take(16), take(8), take(8), take(8), take(8)]
  const expires = Number(new DataView(time.buffer, time.byteOffset).getBigUint64(0))
  let renditions
  if (payload[at++] === 1) {
    const count = payload[at++]
    renditions = Array.from({ length: count }, () => decoder.decode(take(payload[at++])))
  }
  if (payload[1] !== purpose) throw new Refusal(403, 'pass-purpose')
  if (now >= expires) throw new Refusal(403, 'pass-expired')
  return { video, generation, session, viewer, expires, renditions }
}

async function unlessRevoked(env, { video, session, viewer }, reading) {
  const names = [`video/vid_${hex(video)}`, `session/${hex(session)}`]
  if (viewer.some((it) => it)) names.push(`viewer/${hex(viewer)}`)
  const [marks, read] = await Promise.all([env.EDGE_LIST.get(names, { cacheTtl: 30 }), reading])
  if ([...marks.values()].some((it) => it !== null)) throw new Refusal(403, 'revoked')
  if (!read) throw new Refusal(404, 'not-found')
  return read
}

const answer = (status, body, headers) =>
  new Response(body, {
    status,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'edgereel-refusal, content-length, content-range, etag, date',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })

function playlist(request, text, headers) {
  const gzip = request.headers.get('accept-encoding')?.includes('gzip')
  return answer(200, text, {
    'content-type': 'application/vnd.apple.mpegurl',
    'cache-control': 'private, no-cache',
    vary: 'accept-encoding',
    ...(gzip ? { 'content-encoding': 'gzip' } : {}),
    ...headers,
  })
}

async function master(request, env, video, token, now) {
  if (!token) throw new Refusal(401, 'grant-missing')
  if (token.length > MAX_GRANT) throw new Refusal(403, 'grant-too-long')
  const [head, body, signature] = token.split('.')
  const header = JSON.parse(decoder.decode(decode(head)))
  const key = keys.grants.get(header.kid)
  if (header.alg !== 'HS256' || !key) throw new Refusal(403, 'grant-key-unknown')
  if (!(await crypto.subtle.verify('HMAC', key, decode(signature), encoder.encode(`${head}.${body}`)))) {
    throw new Refusal(403, 'grant-signature')
  }
  const claims = JSON.parse(decoder.decode(decode(body)))
  if (claims.aud !== 'edgereel/playback') throw new Refusal(403, 'grant-audience')
  if (claims.vid !== video) throw new Refusal(403, 'grant-video')
  if (now >= claims.exp + 60) throw new Refusal(403, 'grant-expired')
  const subject = {
    video: Uint8Array.from(video.slice(4).match(/../g), (it) => parseInt(it, 16)),
    session: await fingerprint(claims.jti ?? token),
    viewer: claims.sub ? await fingerprint(claims.sub) : new Uint8Array(8),
  }
  const object = await unlessRevoked(env, subject, env.MEDIA.get(`hls/${video}/master.m3u8`))
  const text = await object.text()
  const generation = /([0-9a-f]{16})\//.exec(text)[1]
  const pass = await signPass({
    ...subject,
    purpose: 115,
    generation: Uint8Array.from(generation.match(/../g), (it) => parseInt(it, 16)),
    expires: Math.min(now + 43200, claims.exp + 60),
  })
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]
    if (line.startsWith('#EXT-X-SESSION-KEY')) lines[at] = ''
    else if (line.startsWith('#EXT')) lines[at] = line.replace(/URI="([^"]+)"/, `URI="/s/${pass}/$1"`)
    else if (line) lines[at] = `/s/${pass}/${line}`
  }
  return playlist(request, lines.join('\n'))
}

async function media(request, env, pass, text, path) {
  const { video, generation } = pass
  const object = await unlessRevoked(env, pass, env.MEDIA.get(`hls/vid_${hex(video)}/${path}`))
  const etag = `W/"${object.etag}-${hex((await fingerprint(text + keys.current)).subarray(0, 4))}"`
  if (request.headers.get('if-none-match') === etag) return answer(304, null, { etag })
  const stored = await object.text()
  const addresses = new Map()
  for (const [, key] of stored.matchAll(/^#EXT-X-KEY:.*URI="([^"]+)\.key"/gm)) {
    if (addresses.has(key)) continue
    const signed = await signPass({ ...pass, purpose: 107, renditions: [key] })
    addresses.set(key, `/k/${signed}/${hex(generation)}/${key}.key`)
  }
  const rewritten = stored.replace(/^(#EXT-X-KEY:.*URI=")([^"]+)\.key"/gm, (_, before, key) => `${before}${addresses.get(key)}"`)
  return playlist(request, rewritten, { etag })
}

async function key(env, pass, name) {
  const path = `keys/vid_${hex(pass.video)}/${hex(pass.generation)}/${name}.json`
  const object = await unlessRevoked(env, pass, env.PRIVATE.get(path))
  const { kek, nonce, wrapped } = JSON.parse(await object.text())
  const clear = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: decode(nonce), additionalData: encoder.encode(path) },
    keys.wrapping.get(kek),
    decode(wrapped),
  )
  return answer(200, clear, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' })
}

async function segment(request, env, context, pass, path) {
  const wanted = request.headers.get('range')
  if (wanted !== null) throw new Refusal(501, 'not-measured')
  const known = request.headers.get('if-none-match')
  const object = `hls/vid_${hex(pass.video)}/${path}`
  const headers = {
    'content-type': 'video/mp2t',
    'cache-control': 'private, max-age=31536000, immutable',
    'accept-ranges': 'bytes',
  }
  const cache = await caches.open('plain')
  const address = new URL(request.url).origin + '/' + object
  const found = await cache.match(address)
  if (found) {
    const etag = found.headers.get('etag')
    return known === etag ? answer(304, null, { ...headers, etag }) : answer(200, found.body, { ...headers, etag })
  }
  const stored = await env.MEDIA.get(object)
  if (!stored) throw new Refusal(404, 'not-found')
  const [mine, kept] = stored.body.tee()
  const copy = new Response(kept, {
    headers: { 'content-type': 'video/mp2t', etag: stored.httpEtag, 'cache-control': 'public, max-age=31536000, immutable' },
  })
  context.waitUntil(cache.put(address, copy))
  return answer(200, mine, { ...headers, etag: stored.httpEtag })
}

export default {
  async fetch(request, env, context) {
    keys ??= await load(env)
    const { pathname, searchParams } = new URL(request.url)
    const now = Math.floor(Date.now() / 1000)
    try {
      if (request.method !== 'GET') throw new Refusal(405, 'method-not-allowed')
      if (!PLAIN.test(pathname)) throw new Refusal(400, 'bad-path')
      const [, kind, first, ...rest] = pathname.split('/')
      if (kind === 'v' && rest.length === 1 && rest[0] === 'master.m3u8') {
        return await master(request, env, first, searchParams.get('grant'), now)
      }
      if (kind === 's') {
        const pass = await verifyPass(first, 115, now)
        if (rest[0] !== hex(pass.generation)) throw new Refusal(403, 'pass-generation')
        if (pass.renditions && !pass.renditions.includes(rest[1])) throw new Refusal(403, 'pass-rendition')
        const path = rest.join('/')
        return await (path.endsWith('.m3u8') ? media(request, env, pass, first, path) : segment(request, env, context, pass, path))
      }
      if (kind === 'k') {
        const pass = await verifyPass(first, 107, now)
        const name = rest[1]?.slice(0, -4)
        if (rest[0] !== hex(pass.generation)) throw new Refusal(403, 'pass-generation')
        if (!pass.renditions?.includes(name)) throw new Refusal(403, 'pass-rendition')
        return await key(env, pass, name)
      }
      throw new Refusal(404, 'not-found')
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 403
      return answer(status, JSON.stringify({ status, code: error.message }), { 'content-type': 'application/problem+json' })
    }
  },
}
