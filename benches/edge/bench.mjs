// node benches/edge/bench.mjs [ROUNDS] [SECONDS] [CASES]: compares the edge worker with the same in
// plain JavaScript and with a Rust Worker that does nothing, all in workerd. Rounds alternate
// between them, so that other load on this machine affects all of them. Prints as JSON: CPU of the
// workerd process per request (milliseconds), requests per second, bytes of a response.
//
// R2, KV and the cache are simulated in the same process: their cost is in all figures except those
// of `nothing`.

import { createHmac, webcrypto } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { start } from '../../tests/edge/edge.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const rounds = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 3)
const only = new RegExp(process.argv[4] ?? '.')
const CONNECTIONS = 4

const VIDEO = `vid_${'018bcfe568007'.padEnd(32, '7')}`
const GENERATION = '6580b562fc319fd8'
const SECRET = 'grant key number two, 32 bytes !!'
const b64 = (bytes) => Buffer.from(bytes).toString('base64url')
const bindings = {
  EDGEREEL_GRANT_KEYS: `g:HS256:${b64(SECRET)}`,
  EDGEREEL_PASS_KEYS: `p:${b64('pass key number two, 32 bytes !!')}`,
  EDGEREEL_KEY_ENCRYPTION_KEYS: `k1:${b64(Buffer.alloc(32, 7))}`,
}

function grant() {
  const head = b64('{"alg":"HS256","kid":"g","typ":"JWT"}')
  const exp = Math.floor(Date.now() / 1000) + 7200
  const body = b64(JSON.stringify({ aud: 'edgereel/playback', vid: VIDEO, exp, sub: 'anna', jti: 'session-1' }))
  return `${head}.${body}.${createHmac('sha256', SECRET).update(`${head}.${body}`).digest('base64url')}`
}

const ladder = [['1080p', '1920x1080'], ['720p', '1280x720'], ['480p', '854x480'], ['360p', '640x360'], ['240p', '426x240']]
function masterPlaylist() {
  let text = '#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n'
  for (const name of ['audio-128k', 'audio-96k', 'audio-64k']) {
    text += `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${name}",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,URI="${GENERATION}/${name}/${name}.m3u8"\n`
  }
  for (const [name, size] of ladder) {
    text += `#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2500000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=${size},FRAME-RATE=25.000,AUDIO="audio-96k"\n${GENERATION}/${name}/${name}.m3u8\n`
  }
  return text + `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.64001e",RESOLUTION=640x360,URI="${GENERATION}/iframes/iframes.m3u8"\n`
}
// As the transcoder writes it, or with the key and its IV before every segment, as other packagers
// do.
function mediaPlaylist(name, keyEverywhere) {
  let text = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n'
  for (let at = 0; at < 1200; at++) {
    const iv = keyEverywhere ? `,IV=0x${at.toString(16).padStart(32, '0')}` : ''
    if (keyEverywhere || at === 0) text += `#EXT-X-KEY:METHOD=AES-128,URI="${name}.key"${iv}\n`
    text += `#EXTINF:6.000000,\n${name}_${String(at).padStart(5, '0')}.ts\n`
  }
  return text + '#EXT-X-ENDLIST\n'
}
async function wrappedKey() {
  const path = `keys/${VIDEO}/${GENERATION}/1080p.json`
  const key = await webcrypto.subtle.importKey('raw', Buffer.alloc(32, 7), 'AES-GCM', false, ['encrypt'])
  const nonce = Buffer.alloc(12, 5)
  const parameters = { name: 'AES-GCM', iv: nonce, additionalData: Buffer.from(path) }
  const wrapped = await webcrypto.subtle.encrypt(parameters, key, Buffer.alloc(16, 3))
  const text = (bytes) => Buffer.from(bytes).toString('base64')
  return [path, JSON.stringify({ version: '1', kek: 'k1', nonce: text(nonce), wrapped: text(wrapped) })]
}

async function fill(edge) {
  const media = await edge.bucket('MEDIA')
  await media.put(`hls/${VIDEO}/master.m3u8`, masterPlaylist())
  await media.put(`hls/${VIDEO}/${GENERATION}/1080p/1080p.m3u8`, mediaPlaylist('1080p', false))
  await media.put(`hls/${VIDEO}/${GENERATION}/720p/720p.m3u8`, mediaPlaylist('720p', true))
  await media.put(`hls/${VIDEO}/${GENERATION}/1080p/1080p_00000.ts`, Buffer.alloc(1 << 20, 0x47))
  await (await edge.bucket('PRIVATE')).put(...(await wrappedKey()))
}

// The workerd processes that this one started.
async function children() {
  const found = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stat.includes('(workerd)') && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid) found.push(pid)
  }
  return found
}
async function cpu(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const agents = new Map()
function get(address, path, headers = {}) {
  if (!agents.has(address)) agents.set(address, new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS }))
  const agent = agents.get(address)
  const [host, port] = address.split(':')
  return new Promise((done, fail) => {
    const request = http.get({ host, port, path, headers, agent }, (response) => {
      const chunks = []
      response.on('data', (it) => chunks.push(it))
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }))
      response.on('error', fail)
    })
    request.on('error', fail)
  })
}

async function load(target, path, headers) {
  const [before, until] = [await cpu(target.pid), Date.now() + seconds * 1000]
  const began = process.hrtime.bigint()
  let count = 0
  const one = async () => {
    while (Date.now() < until) {
      const answer = await get(target.edge.address, path, headers)
      if (answer.status !== 200) throw new Error(`${target.name} ${path.slice(0, 20)}: ${answer.status} ${answer.body}`)
      count++
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one))
  const elapsed = Number(process.hrtime.bigint() - began) / 1e9
  return { cpu: ((await cpu(target.pid)) - before) / count, rps: count / elapsed, count }
}

async function launch(name, options) {
  const before = new Set(await children())
  const edge = await start({ bindings, ...options })
  const pid = (await children()).find((it) => !before.has(it))
  await fill(edge)
  return { name, edge, pid }
}

const rust = await launch('rust', { bare: true })
const plain = await launch('javascript', { script: here('plain.mjs') })
const empty = await launch('empty rust', { folder: here('../../edge-worker/build.empty'), bare: true })
const reads = await launch('reads only', { script: here('reads.mjs') })

// The URLs of each target, obtained as a player would.
const address = `/v/${VIDEO}/master.m3u8?grant=${grant()}`
async function addresses({ edge }) {
  const master = String((await get(edge.address, address)).body)
  const playlist = /^\/s\/.*1080p\.m3u8$/m.exec(master)?.[0]
  if (!playlist) throw new Error(master)
  const media = String((await get(edge.address, playlist)).body)
  const key = /URI="([^"]+)"/.exec(media)[1]
  const keys = playlist.replaceAll('1080p', '720p')
  return { master: address, playlist, keys, key, segment: playlist.replace('1080p.m3u8', '1080p_00000.ts') }
}
const [ours, theirs] = [await addresses(rust), await addresses(plain)]
// The same requests for all targets except `nothing`.
for (const name of ['master', 'playlist', 'keys', 'key', 'segment']) {
  const [a, b] = [await get(rust.edge.address, ours[name]), await get(plain.edge.address, ours[name])]
  if (a.status !== 200 || !a.body.equals(b.body)) throw new Error(`${name} differs: ${a.status} ${b.status}`)
}

const gzip = { 'accept-encoding': 'gzip' }
const cases = [
  ['nothing', [[empty, '/', {}]]],
  ['key', [[rust, ours.key, {}], [plain, ours.key, {}], [reads, '/key', {}]]],
  ['master', [[rust, ours.master, {}], [plain, ours.master, {}]]],
  ['playlist of 1,200 segments', [[rust, ours.playlist, {}], [plain, ours.playlist, {}], [reads, '/playlist', {}]]],
  ['the same playlist, gzip', [[rust, ours.playlist, gzip], [plain, ours.playlist, gzip]]],
  ['playlist with 1,200 keys', [[rust, ours.keys, {}], [plain, ours.keys, {}], [reads, '/keys', {}]]],
  ['segment of 1 MiB', [[rust, ours.segment, {}], [plain, ours.segment, {}]]],
]
const measured = new Map()
for (let round = 0; round <= rounds; round++) {
  for (const [name, targets] of cases.filter(([name]) => only.test(name))) {
    // Each target goes first equally often.
    for (const [target, path, headers] of round % 2 ? targets : [...targets].reverse()) {
      const result = await load(target, path, headers)
      // The first round is a warm-up.
      if (round === 0) continue
      const place = `${name} | ${target.name}`
      measured.set(place, [...(measured.get(place) ?? []), result])
    }
  }
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
for (const [place, results] of measured) {
  const [name, who] = place.split(' | ')
  const cpus = results.map((it) => it.cpu)
  console.log(
    JSON.stringify({
      case: name,
      who,
      cpu_ms: Number(median(cpus).toFixed(3)),
      cpu_range: [Math.min(...cpus), Math.max(...cpus)].map((it) => Number(it.toFixed(3))),
      rps: Math.round(median(results.map((it) => it.rps))),
      requests: results.reduce((sum, it) => sum + it.count, 0),
    }),
  )
}
for (const { edge } of [rust, plain, empty, reads]) await edge.close()
process.exit(0)
