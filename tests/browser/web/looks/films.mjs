// The videos that the pages show: parts of one film, in different states.

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '../until.mjs'

const run = promisify(execFile)
/** Title, and the part of the film in seconds. */
const PARTS = [
  ['Clouds over the valley', 2.2, 4],
  ['Morning in the meadow', 6, 4],
  ['By the river', 11.5, 4],
  ['The bird, take 3', 15.5, 4],
  ['Opening titles', 20.6, 3],
  ['Under the old tree', 23.5, 3],
  ['Big Buck Bunny', 0, 30],
]

/** Fills the server; returns the ids of what the pages need. */
export async function fill(server, film, folder) {
  const clip = async (name, from, seconds) => {
    const path = join(folder, `${name}.mp4`)
    // A film that is shorter than that is used as a whole.
    const length = Number((await run('ffprobe', [...PROBE, film])).stdout)
    const part = from + 1 < length ? ['-ss', `${from}`, '-t', `${seconds}`] : []
    await run('ffmpeg', ['-loglevel', 'error', '-y', ...part, '-i', film, ...ENCODER, path])
    return path
  }
  const text = join(folder, 'notes.mp4')
  await writeFile(text, 'These are notes, and not a video.\n'.repeat(200))
  const broken = await server.upload(text, { filename: 'notes.mp4', title: 'Meeting notes' })
  // Images show what users get; a test needs less work.
  const profile = process.env.EDGEREEL_SCREENSHOTS ? 'default' : 'small'
  const first = await clip(...PARTS[0])
  const later = { filename: 'archive.mp4', title: 'From the archive', generate: 'on_first_view' }
  const stored = await server.upload(first, later)
  const ids = []
  let path
  for (const [title, from, seconds] of PARTS) {
    path = await clip(title, from, seconds)
    ids.push(await server.upload(path, { filename: `${title}.mp4`, title, profile }))
  }
  for (const id of ids) await server.ready(id)
  await until('it fails', async () => (await server.video(broken)).state === 'failed')
  const main = ids.at(-1)
  const { duration_seconds: length } = await server.video(main)
  await server.call('PUT', `/v1/videos/${main}/poster?at=${length * 0.9}`)
  await until('its poster', async () => (await server.video(main)).poster.status === 'custom')
  await server.call('POST', `/v1/videos/${main}/shares`, { label: 'For the review' })
  await objects(server, path)
  const short = await clip('River at noon', 11.5, 4)
  return { main, broken, stored, film: short, text, folder }
}

const PROBE = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0']
const ENCODER = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '23', '-c:a', 'aac', '-ac', '2']

/** Objects that are not videos yet. */
async function objects(server, path) {
  const bytes = await readFile(path)
  const names = ['2019/opening-night.mp4', '2019/panel-discussion.mov', '2020/keynote.mp4']
  for (const [at, name] of names.entries()) {
    await server.put(`lectures/${name}`, bytes.subarray(0, bytes.length - at * 4000))
  }
  await server.put('lectures/2020/slides.pdf', Buffer.from('%PDF-1.7'), 'application/pdf')
}
