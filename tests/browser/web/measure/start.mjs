// node web/measure/start.mjs EDGEREEL FILM [STARTS]: the time from the navigation to the first
// frame on `/embed/{video}`, and from the moment at which the player knows its URL. Cold: a browser
// without a cache; warm: a page that was open before.

import { cpus } from 'node:os'
import { openApp } from '../app.mjs'
import { main } from '../flow.mjs'
import { PlayerPart } from '../pages.mjs'
import { until } from '../until.mjs'

/** Notes when the first frame of the player is on the screen. */
function watchFirstFrame() {
  const look = () => {
    const media = document.querySelector('edgereel-player')?.media
    if (!media) return void requestAnimationFrame(look)
    media.requestVideoFrameCallback(() => (globalThis.firstFrame = performance.now()))
  }
  look()
}

await main(async ({ server, files: [film, starts = '20'] }) => {
  const { api } = server.info
  const video = await server.upload(film, { profile: 'default' })
  await server.ready(video)
  const one = async ({ page }) => {
    await page.goto('about:blank')
    await page.goto(`${api}/embed/${video}?autoplay&muted#grant=${server.grant(video, 600)}`)
    const page1 = await until('a frame', () => page.evaluate(() => globalThis.firstFrame))
    const { firstFrame } = await new PlayerPart(page).now()
    return { page: page1, player: firstFrame }
  }
  const opened = async () => {
    const app = await openApp(api)
    await app.page.addInitScript(watchFirstFrame)
    return app
  }
  const cold = []
  for (let count = 0; count < Number(starts); count += 1) {
    const app = await opened()
    cold.push(await one(app))
    await app.close()
  }
  const app = await opened()
  const warm = []
  await one(app)
  for (let count = 0; count < Number(starts); count += 1) warm.push(await one(app))
  await app.close()
  const figures = (all, name) => {
    const sorted = all.map((it) => it[name]).sort((a, b) => a - b)
    const at = (part) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))])
    return { median: at(0.5), p95: at(0.95), most: at(1) }
  }
  console.error(`${cpus()[0].model}, ${cpus().length} processors, ${new Date().toISOString()}`)
  for (const [name, all] of Object.entries({ cold, warm })) {
    for (const of of ['page', 'player']) console.error(name, of, JSON.stringify(figures(all, of)))
  }
})
