// node web/viewer.mjs EDGEREEL FILM: the name of the viewer over the video. FILM lasts 40 s.

import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApp } from './app.mjs'
import { main } from './flow.mjs'
import { PlayerPart } from './pages.mjs'
import { until } from './until.mjs'

const profile = (place) => `name = "${place}"
segment_seconds = 2.0
thumbnails = 1
[encoder]
preset = "ultrafast"
[watermark]
viewer = "${place}"
[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 96
`

const place = await mkdtemp(join(tmpdir(), 'edgereel-profiles-'))
const options = []
for (const name of ['corner', 'moving']) {
  await writeFile(join(place, `${name}.toml`), profile(name))
  options.push('--profile', join(place, `${name}.toml`))
}

/** Opens every shadow root, also those that are closed: the name is in one. */
const OPEN = () => {
  const own = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (init) {
    return own.call(this, { ...init, mode: 'open' })
  }
}

/** Text and place of the name, pixels from the element; `null`: it has none. */
const nameOf = (page) =>
  page.evaluate(() => {
    const player = document.querySelector('edgereel-player')
    const layers = [...(player?.shadowRoot?.children ?? [])].filter((it) => it.shadowRoot)
    const label = layers[0]?.shadowRoot.querySelector('span')
    if (!label) return null
    const [box, around] = [label.getBoundingClientRect(), player.getBoundingClientRect()]
    const { x, y, width, height } = box
    return {
      layers: layers.length,
      text: label.textContent,
      x: x - around.x,
      y: y - around.y,
      width,
      height,
      of: [around.width, around.height],
    }
  })

const isInside = ({ x, y, width, height, of }) =>
  x >= 0 && y >= 0 && x + width <= of[0] + 0.5 && y + height <= of[1] + 0.5 && width > 10

await main(
  async ({ step, server, files: [film], show }) => {
    const { api } = server.info
    const app = await openApp(api)
    const { page } = app
    show(page)
    await page.addInitScript(OPEN)
    const player = new PlayerPart(page)
    const look = async (name) => {
      const folder = process.env.EDGEREEL_VIEWER_SCREENSHOTS
      if (folder) await page.screenshot({ path: join(folder, `${name}.png`) })
    }
    const plays = () => until('it plays', async () => (await player.now()).time > 0.5)
    const named = (text) =>
      until(`the name is ${text}`, async () => (await nameOf(page))?.text === text)

    const [corner, moving, plain] = await step('three films are ready', async () => {
      const ids = []
      for (const name of ['corner', 'moving', 'small']) {
        ids.push(await server.upload(film, { profile: name }))
      }
      for (const id of ids) await server.ready(id)
      return ids
    })
    const embed = (video, sub) =>
      page.goto(`${api}/embed/${video}#grant=${server.grant(video, 600, { sub })}`)

    await step('the name of the grant is in the corner', async () => {
      await embed(corner, 'Zoë Ångström')
      await named('Zoë Ångström')
      await player.start()
      await plays()
      const name = await nameOf(page)
      assert.ok(isInside(name), JSON.stringify(name))
      assert.ok(name.x + name.width > name.of[0] * 0.9 && name.y < name.of[1] * 0.1)
      await look('corner')
    })
    await step('it is there in full screen, and in a small window', async () => {
      await page.keyboard.press('f')
      await until('full screen', () => page.evaluate(() => document.fullscreenElement !== null))
      assert.ok(isInside(await nameOf(page)))
      await look('full-screen')
      await page.keyboard.press('f')
      await until('no full screen', () => page.evaluate(() => document.fullscreenElement === null))
      // Upright: the name is over the picture, not over the bars above it.
      const style = (text) =>
        page.evaluate((it) => (document.querySelector('edgereel-player').style.cssText = it), text)
      await style('width: 360px; height: 600px; aspect-ratio: auto')
      const small = await until('it is smaller', async () => {
        const name = await nameOf(page)
        const bar = (name.of[1] - (name.of[0] * 9) / 16) / 2
        return name.of[0] === 360 && bar > 150 && name.y >= bar && name
      })
      assert.ok(isInside(small), JSON.stringify(small))
      await look('phone')
      await style('')
    })
    await step('it comes back when a script removes or hides it', async () => {
      const change = (action) =>
        page.evaluate((text) => {
          const player = document.querySelector('edgereel-player')
          const layer = [...player.shadowRoot.children].find((it) => it.shadowRoot)
          if (text === 'remove') layer.remove()
          else layer.style.setProperty('display', 'none', 'important')
        }, action)
      const isVisible = () =>
        until('it is back', async () => {
          const name = await nameOf(page)
          return name !== null && name.layers === 1 && isInside(name)
        })
      for (const action of ['remove', 'hide']) {
        await change(action)
        await isVisible()
      }
    })
    await step('the page can give another name', async () => {
      await page.evaluate(() => document.querySelector('edgereel-player').setAttribute('viewer', 'Ann Example'))
      await named('Ann Example')
      await page.evaluate(() => document.querySelector('edgereel-player').setAttribute('viewer', ''))
      await until('no name', async () => (await nameOf(page)) === null)
    })
    await step("the browser's own engine reads the playlist, too", async () => {
      await page.evaluate(() => {
        const player = document.querySelector('edgereel-player')
        player.removeAttribute('viewer')
        player.setAttribute('engine', 'native')
        player.load()
      })
      await named('Zoë Ångström')
    })
    await step('it moves', async () => {
      await embed(moving, 'ann')
      await named('ann')
      await player.start()
      await plays()
      const before = await nameOf(page)
      await look('moving')
      const after = await until(
        'another place',
        async () => {
          const now = await nameOf(page)
          return Math.hypot(now.x - before.x, now.y - before.y) > 50 && now
        },
        25_000,
      )
      assert.ok(isInside(before) && isInside(after), JSON.stringify([before, after]))
      await look('moved')
    })
    await step('the app shows who is signed in, and a link shows itself', async () => {
      await page.goto(server.links[0])
      const session = await page.evaluate(async () => (await fetch('/v1/session')).json())
      await page.goto(`${api}/watch/${corner}`)
      await named(session.subject)
      await look('watch')
      const share = await server.call('POST', `/v1/videos/${corner}/shares`, {})
      await page.goto(share.url.startsWith('/') ? `${api}${share.url}` : share.url)
      await until('its link', async () => /^share:/.test((await nameOf(page))?.text ?? ''))
    })
    await step('a video without the setting has no name', async () => {
      await embed(plain, 'ann')
      await player.start()
      await plays()
      assert.equal(await nameOf(page), null)
    })
    assert.deepEqual(app.errors, [])
    await app.close()
  },
  { options },
)
