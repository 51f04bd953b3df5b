// node web/measure/memory.mjs EDGEREEL FILM [MINUTES]: plays a film in a loop, by default for 30
// minutes, and prints how much memory the browser uses after each minute: the JavaScript heap after
// a collection, and the memory of all its processes without the files that they share.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openApp } from '../app.mjs'
import { main } from '../flow.mjs'
import { PlayerPart } from '../pages.mjs'
import { until } from '../until.mjs'

await main(async ({ server, folder, files: [film, minutes = '30'], step }) => {
  const profile = join(folder, 'profile')
  const app = await openApp(server.info.api, { profile })
  await app.page.goto(server.links[0])
  const video = await server.upload(film, { profile: 'default' })
  await server.ready(video)
  await app.page.goto(`${server.info.api}/watch/${video}`)
  const player = new PlayerPart(app.page)
  await player.start()
  await player.element.evaluate((it) => (it.media.loop = true))
  await until('it plays', async () => (await player.now()).time > 1)
  const session = await app.context.newCDPSession(app.page)
  await session.send('Performance.enable')
  for (let minute = 1; minute <= Number(minutes); minute += 1) {
    await step(`minute ${minute}`, () => new Promise((done) => setTimeout(done, 60_000)))
    await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    const heap = metrics.find((it) => it.name === 'JSHeapUsedSize').value
    const nodes = metrics.find((it) => it.name === 'Nodes').value
    const { stalls, frames, dropped, paused } = await player.now()
    const all = {
      minute,
      heap,
      nodes,
      memory: await memoryOf(profile),
      frames,
      dropped,
      stalls,
      paused,
    }
    console.error(JSON.stringify(all))
  }
  await app.close()
})

/**
 * Bytes of memory of all processes of a browser. Pages of its program are not counted: other
 * browsers share them.
 */
async function memoryOf(profile) {
  let sum = 0
  const parents = new Set()
  const all = (await readdir('/proc')).filter((it) => /^\d+$/.test(it)).map(Number)
  for (const id of all.sort((a, b) => a - b)) {
    const [line, stat] = await Promise.all(
      ['cmdline', 'stat'].map((it) => readFile(`/proc/${id}/${it}`, 'utf8').catch(() => '')),
    )
    const parent = Number(stat.split(') ')[1]?.split(' ')[1])
    if (!line.includes(`--user-data-dir=${profile}`) && !parents.has(parent)) continue
    parents.add(id)
    const memory = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '')
    for (const [, size] of memory.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+)/gm)) {
      sum += Number(size) * 1024
    }
  }
  return sum
}
