// node matrix.mjs EDGEREEL [few|all] [PAGE]: makes a video of each combination of docs/compatibility.md, checks it, decodes it,
// and plays it in three players. Prints the results; with PAGE, writes the table into that page.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, open } from './browser.mjs'
import { combinations, few, name } from './matrix/combinations.mjs'
import { check, decode, make, SECONDS } from './matrix/make.mjs'
import { serve } from './matrix/serve.mjs'
import { page as rendered, row } from './matrix/table.mjs'

const TYPES = { hevc: 'video/mp4; codecs="hvc1.1.6.L60.90"', av1: 'video/mp4; codecs="av01.0.00M.08"' }

/** Milliseconds for a video of a few seconds, on a slow machine with several players at once. */
const LIMIT = 45_000

/** What a player did, in words; `plays` if it did everything. */
function verdict(report, { codec, captions, audio }) {
  const [tracks, languages] = [audio === 'two tracks' ? 2 : 1, captions === 'none' ? 0 : 2]
  const faults = []
  if (report.error) faults.push(report.error)
  else if (Math.abs(report.position - SECONDS) > 0.5) faults.push(`ends at ${report.position.toFixed(1)} s`)
  // Chromium drops frames that come too late on a busy machine.
  if (codec !== 'none' && report.frames < SECONDS * 5) faults.push(`${report.frames} frames`)
  if (codec === 'none' && report.height > 0) faults.push('shows video')
  if (audio === 'two tracks' && report.audio !== tracks) faults.push(`${report.audio} of ${tracks} audio tracks`)
  if (new Set(report.captions).size !== languages) faults.push(`captions in ${new Set(report.captions).size} of ${languages} languages`)
  if (languages > 0 && report.cues === 0) faults.push('shows no captions')
  return faults.length === 0 ? 'plays' : faults.join('; ')
}

await main(async ([edgereel, which = 'all', path]) => {
  const ffmpeg = process.env.EDGEREEL_FFMPEG_DIR ? join(process.env.EDGEREEL_FFMPEG_DIR, 'ffmpeg') : 'ffmpeg'
  const folder = await mkdtemp(join(tmpdir(), 'matrix-'))
  const folders = {}
  const [server, browser] = [await serve(folders), await open('matrix')]
  try {
    const decodable = {}
    for (const [codec, type] of Object.entries(TYPES)) {
      decodable[codec] = await browser.page.evaluate((it) => window.decodes(it), type)
    }
    const rows = []
    for (const [at, combination] of (which === 'few' ? few() : combinations()).entries()) {
      folders[at] = await make(combination, join(folder, String(at)), edgereel, ffmpeg)
      const url = `${server.origin}/${at}/master.m3u8`
      const { findings, devices } = await check(folders[at], edgereel)
      const complaint = await decode(url, ffmpeg)
      // What the browser cannot decode, the players must leave out, and play the rung of H.264.
      const { codec } = combination
      const instead = decodable[codec] === false
      const played = instead || codec === 'none' ? url : `${url}?only=${codec}`
      const reports = await browser.page.evaluate((...it) => window.play(...it), played, LIMIT)
      const players = Object.fromEntries(
        Object.entries(reports).map(([player, report]) => {
          const found = verdict(report, combination)
          return [player, instead && found === 'plays' ? 'plays H.264' : found]
        }),
      )
      rows.push({ name: name(combination), combination, findings, devices, decode: complaint || 'decodes', players })
      if (process.env.VERBOSE) console.error(JSON.stringify({ ...rows.at(-1), reports }))
    }
    if (path) {
      const chromium = await browser.page.browser().version()
      const [first] = execFileSync(ffmpeg, ['-version']).toString().split('\n')
      const versions = { Chromium: chromium.split('/').pop(), FFmpeg: first.split(' ')[2].split('-')[0] }
      for (const it of ['hls.js', 'shaka-player', 'video.js']) {
        const manifest = new URL(`./node_modules/${it}/package.json`, import.meta.url)
        versions[it] = JSON.parse(await readFile(manifest, 'utf8')).version
      }
      await writeFile(path, rendered(await readFile(path, 'utf8'), rows, versions, decodable))
    }
    return { rows: rows.map((it) => ({ ...it, line: row(it) })), decodable, log: browser.log.slice(0, 20) }
  } finally {
    await browser.close()
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
})
