// node web/worker.mjs API TOKEN VIDEO EDGE: the watch page plays a film to its end through an edge
// on another origin.

import assert from 'node:assert/strict'
import { openApp } from './app.mjs'
import { PlayerPart, signIn } from './pages.mjs'
import { until } from './until.mjs'

const [api, token, video, edge] = process.argv.slice(2)
const app = await openApp(api)
await app.go(`/watch/${video}`)
await signIn(app.page, token)
const player = new PlayerPart(app.page)
await player.start()
const [images, rungs] = [new Set(), new Set()]
await until(
  'the end',
  async () => {
    const { time, rung } = await player.now()
    images.add(String(await player.pixels()))
    if (rung) rungs.add(rung.height)
    if (time > 6 && rungs.size === 1) {
      await player.choose('Quality', `${[...rungs][0] === 360 ? 180 : 360}p`)
      await until('another rung', async () => !rungs.has((await player.now()).rung.height))
    }
    return player.element.evaluate((it) => it.media.ended)
  },
  180_000,
)
const { stalls, time, duration, notice } = await player.now()
assert.deepEqual(app.errors, [])
assert.deepEqual([...app.origins].sort(), [api, edge].sort())
await app.close()
console.log(
  JSON.stringify({ images: images.size, rungs: [...rungs], stalls, time, duration, notice }),
)
