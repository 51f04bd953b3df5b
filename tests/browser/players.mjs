// node players.mjs PLAYER EDGE VIDEO KEY SECONDS RENEWS [LIMIT]: plays with the program of docs/players.md, in Chromium.
//
// PLAYER: hls, videojs, shaka or native. KEY: `id:HS256:base64`, of the edge. SECONDS: lifetime of
// passes; the clock skew of 60 s is subtracted. RENEWS: `yes`, or `no` for a backend that issues no
// new grant. LIMIT: seconds after which to give up; a player that was refused is watched until
// then.

import { createHmac, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, open } from './browser.mjs'

const SKEW = 60

/** The programs of the docs as files in a directory. */
async function programs(folder) {
  const docs = await readFile(new URL('../../docs/players.md', import.meta.url), 'utf8')
  for (const [, name, text] of docs.matchAll(/```js\n\/\/ (\S+)\n([^]*?)```/g)) await writeFile(join(folder, name), text)
}

/** What a backend does: signs a grant. */
function grant(key, video, seconds) {
  const [kid, alg, secret] = key.split(':')
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + seconds - SKEW
  const claims = { aud: 'edgereel/playback', vid: video, exp, sub: 'ann', jti: randomUUID() }
  const signed = `${part({ alg, kid })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', Buffer.from(secret, 'base64')).update(signed).digest('base64url')}`
}

await main(async ([player, edge, video, key, life, renews, limit = '600']) => {
  const [seconds, folder] = [Number(life), await mkdtemp(join(tmpdir(), 'players-'))]
  const address = () => `${edge}/v/${video}/master.m3u8?grant=${grant(key, video, seconds)}`
  const routes = { '/fresh': (response) => (renews === 'yes' ? response.end(address()) : response.writeHead(503).end()) }
  await programs(folder)
  const opened = await open('players', { alias: { 'the-program': join(folder, `play-${player}.js`) }, routes })
  try {
    const report = { renewals: 0, refused: {}, asked: {}, late: {}, lastRefusal: null, cmcd: false }
    const began = Date.now()
    const count = (map, name) => (map[name] = (map[name] ?? 0) + 1)
    opened.page.on('request', (request) => {
      report.cmcd ||= Object.keys(request.headers()).some((it) => it.startsWith('cmcd-'))
    })
    opened.page.on('response', (response) => {
      const url = new URL(response.url())
      if (url.origin !== edge || response.request().method() === 'OPTIONS') return
      if (response.request().method() === 'POST') return void (response.ok() && report.renewals++)
      const kind = url.pathname.split('.').pop()
      const after = (Date.now() - began) / 1000
      count(report.asked, kind)
      // After the expiry of the player's first passes.
      if (after > seconds) count(report.late, kind)
      if (response.status() >= 400) {
        count(report.refused, response.status())
        report.lastRefusal = after
      }
    })
    const seen = await opened.page.evaluate((...values) => window.watch(...values), address(), seconds, Number(limit))
    return { player, ...report, ...seen, log: opened.log.slice(0, 20) }
  } finally {
    await opened.close()
    await rm(folder, { recursive: true })
  }
})
