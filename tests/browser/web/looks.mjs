// node web/looks.mjs EDGEREEL FILM: every page in its states, for axe-core and for eyes: light,
// dark and on a phone. With EDGEREEL_SCREENSHOTS=DIRECTORY, it writes an image of each.

import assert from 'node:assert/strict'
import { openApp, violations } from './app.mjs'
import { main } from './flow.mjs'
import { fill } from './looks/films.mjs'
import { pages } from './looks/pages.mjs'
import { screenshot } from './looks/screenshot.mjs'

const VARIANTS = [
  { name: 'light' },
  { name: 'dark', scheme: 'dark' },
  { name: 'phone', screen: 'phone' },
]

await main(async ({ step, server, network, files: [film], show, folder }) => {
  const { api } = server.info
  const proxy = network.address
  const minor = new Set()
  /** Checks the page as it is, and keeps its image under this name. */
  const lookAt = async (page, name) => {
    const found = await violations(page)
    const serious = found.filter((it) => ['serious', 'critical'].includes(it.impact))
    assert.deepEqual(serious, [], `axe-core about ${name}`)
    for (const { id, nodes } of found) minor.add(`${name}: ${id}: ${nodes.join(', ')}`)
    const [wide, width] = await page.evaluate(() => [document.body.scrollWidth, innerWidth])
    assert.ok(wide <= width, `${name} is ${wide - width} pixels wider than the screen`)
    await screenshot(page, name)
  }
  const apps = []
  await step('sign in, and an empty library', async () => {
    for (const variant of VARIANTS) {
      const app = await openApp(api, { ...variant, proxy })
      apps.push({ ...app, ...variant })
      show(app.page)
      await app.page.goto(api)
      await app.page.getByLabel('API key').waitFor()
      await lookAt(app.page, `sign-in-${variant.name}`)
      await app.page.goto(server.links.at(-1))
      await app.page.getByRole('heading', { name: 'There are no videos yet' }).waitFor()
      await lookAt(app.page, `library-empty-${variant.name}`)
    }
  })
  const world = await step('films', () => fill(server, film, folder))
  for (const app of apps) {
    for (const [name, visit] of Object.entries(pages)) {
      await step(`${name}, ${app.name}`, () => {
        const take = (more = name) => lookAt(app.page, `${more}-${app.name}`)
        return visit({ ...app, api, network, server, world, take })
      })
    }
    // Two tabs that upload at once would be another subject.
    await app.page.goto('about:blank')
    assert.deepEqual(app.errors, [], app.name)
  }
  if (minor.size > 0) console.error([...minor].join('\n'))
  for (const app of apps) await app.close()
})
