// node web/measure/lighthouse.mjs EDGEREEL FILM LIGHTHOUSE: runs Lighthouse on the library, upload
// and watch pages of a browser that is signed in. LIGHTHOUSE: the path of its program, for example
// node_modules/.bin/lighthouse after `npm install lighthouse` in another directory.

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { main } from '../flow.mjs'
import { fill } from '../looks/films.mjs'

const run = promisify(execFile)
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo']

await main(async ({ server, folder, files: [film, lighthouse] }) => {
  const { api } = server.info
  const world = await fill(server, film, folder)
  const port = await freePort()
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      `--remote-debugging-port=${port}`,
    ],
  })
  await context.pages()[0].goto(server.links[0])
  for (const path of ['/', '/upload', `/watch/${world.main}`]) {
    for (const preset of ['desktop', 'mobile']) {
      const file = join(folder, 'report.json')
      const more = preset === 'desktop' ? ['--preset=desktop'] : []
      const options = [`--port=${port}`, '--disable-storage-reset', '--quiet', '--output=json']
      await run(lighthouse, [`${api}${path}`, ...options, `--output-path=${file}`, ...more])
      const { categories, audits, lighthouseVersion } = JSON.parse(await readFile(file, 'utf8'))
      const scores = CATEGORIES.map((it) => `${it} ${Math.round(categories[it].score * 100)}`)
      const times = ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time']
      const shown = [...times, 'cumulative-layout-shift'].map((it) => audits[it].displayValue)
      console.error(
        lighthouseVersion,
        path.split('/')[1],
        preset,
        scores.join(', '),
        shown.join(', '),
      )
      const bad = Object.values(audits).filter((it) => it.score !== null && it.score < 0.9)
      console.error('  ', bad.map((it) => `${it.id} ${it.score}`).join(', '))
    }
  }
  await context.close()
})

/** A port that is free now. */
async function freePort() {
  const server = createServer()
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}
