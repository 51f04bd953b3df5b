// A running `edgereel dev` for tests of the web app, started as a user starts it.

import { spawn } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { accessSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { putObject } from './bucket.mjs'
import { until } from './until.mjs'

/** A small ladder, whose audio is the same for all rungs. */
const PROFILE = `name = "small"
segment_seconds = 2.0
thumbnails = 3
[encoder]
preset = "ultrafast"
${[
  [640, 360, 800],
  [320, 180, 300],
]
  .map(
    ([width, height, rate]) => `[[rung]]
name = "${height}p"
width = ${width}
height = ${height}
video_kbps = ${rate}
audio_kbps = 96
`,
  )
  .join('')}`

/**
 * Starts `edgereel dev` in `folder`. `speed`: how fast an encoder may be, as a multiple of real
 * time. It ends with this process.
 */
export async function startServer(program, folder, { options = [], speed } = {}) {
  const profile = join(folder, 'small.toml')
  await mkdir(join(folder, 'tmp'), { recursive: true })
  await writeFile(profile, PROFILE)
  const all = [
    'dev',
    '--data',
    join(folder, 'data'),
    '--listen',
    '127.0.0.1:0',
    '--until-stdin-ends',
  ]
  const more = speed ? ['--ffmpeg-dir', await slowTools(join(folder, 'tools'), speed)] : []
  const own = Object.entries(process.env).filter(([name]) => !/^(EDGEREEL_|RUST_LOG)/.test(name))
  const child = spawn(program, [...all, '--profile', profile, ...more, ...options], {
    env: { ...Object.fromEntries(own), TMPDIR: join(folder, 'tmp'), NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (data) => (log = (log + data).slice(-8000)))
  // One link at a time: the next one is printed when a browser has used it.
  const links = []
  await new Promise((done, fail) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const link = /(http\S+\/sign-in\?code=\w+)/.exec(line)?.[1]
      if (link) links.push(link)
      if (line.startsWith('Next')) done()
    })
    child.on('exit', () => fail(new Error(`edgereel dev ended: ${log}`)))
  })
  const read = async (name) => JSON.parse(await readFile(join(folder, 'data', name), 'utf8'))
  const info = await until('the server listens', () => read('dev.json').catch(() => null))
  const secrets = await read('secrets.json')
  const sign = signer(secrets.grant_keys)
  return {
    links,
    info,
    log: () => log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((done) => child.once('exit', done))
      child.stdin.end()
      await ended
    },
    ...clientOf(info),
    /** What the backend of a customer does: signs a grant. */
    grant: (video, seconds, more = {}) =>
      sign(seconds, {
        aud: 'edgereel/playback',
        vid: video,
        sub: 'ann',
        jti: randomUUID(),
        ...more,
      }),
    /** Ends everything that a viewer watches. */
    async revoke(viewer) {
      const fingerprint = createHash('sha256').update(viewer).digest('hex').slice(0, 16)
      const names = [`viewer/${fingerprint}`]
      const token = sign(60, { aud: 'edgereel/revocation', names })
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${info.edge}/revocations`, { method: 'POST', headers })
      if (response.status !== 204) throw new Error(`the edge responded with ${response.status}`)
    },
  }
}

/** FFmpeg with a limit on the speed of encoders. */
async function slowTools(folder, speed) {
  await mkdir(folder, { recursive: true })
  for (const name of ['ffmpeg', 'ffprobe']) {
    const found = process.env.PATH.split(delimiter)
      .map((it) => join(it, name))
      .find(isThere)
    const slow = `case "$*" in *libx264*) exec ${found} -readrate ${speed} "$@" ;; esac`
    await writeFile(join(folder, name), `#!/bin/sh\n${slow}\nexec ${found} "$@"\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

function isThere(path) {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

/** The API as the installation calls it. */
function clientOf({ api, token, s3 }) {
  const call = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}` }
    if (body) headers['content-type'] = 'application/json'
    const response = await fetch(`${api}${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }
  const video = (id) => call('GET', `/v1/videos/${id}`)
  return {
    call,
    video,
    /** The video with a title, or `undefined`. */
    async titled(title) {
      const { videos } = await call('GET', '/v1/videos?limit=200')
      return videos.find((it) => it.title === title)
    },
    /** Uploads a file; returns the id of its video. */
    async upload(file, fields = {}) {
      const bytes = await readFile(file)
      const request = { filename: 'film.mp4', size: bytes.length, profile: 'small', ...fields }
      const { video, upload } = await call('POST', '/v1/uploads', request)
      const { url, method, headers } = upload.request
      const own = Object.entries(headers).filter(
        ([name]) => name.toLowerCase() !== 'content-length',
      )
      const response = await fetch(url, { method, headers: Object.fromEntries(own), body: bytes })
      if (!response.ok) throw new Error(`the bucket responded with ${response.status}`)
      return video
    },
    /** Copies an object into the private bucket, as an operator does. */
    put: (key, bytes, type = 'video/mp4') => putObject(s3, key, bytes, type),
    async ready(id) {
      for (;;) {
        const now = await video(id)
        if (now.state === 'ready') return now
        if (now.state === 'failed') throw new Error(now.failure.message)
        await new Promise((done) => setTimeout(done, 100))
      }
    },
  }
}

/** Signs claims with the first key of the edge. */
function signer(keys) {
  const [id, algorithm, secret] = keys.split(',')[0].split(':')
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return (seconds, claims) => {
    const exp = Math.floor(Date.now() / 1000) + seconds
    const signed = `${part({ alg: algorithm, kid: id })}.${part({ exp, ...claims })}`
    const hash = createHmac('sha256', Buffer.from(secret, 'base64')).update(signed)
    return `${signed}.${hash.digest('base64url')}`
  }
}
