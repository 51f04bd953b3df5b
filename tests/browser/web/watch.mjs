// node web/watch.mjs EDGEREEL FILM LONG: plays a film of 12 s and one of 90 s on every page that
// plays.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { openApp } from './app.mjs'
import { startCustomer } from './customer.mjs'
import { main, padded } from './flow.mjs'
import { PlayerPart } from './pages.mjs'
import { until } from './until.mjs'

const notice = (player, text, limit) =>
  until(`the player says ${text}`, async () => text.test((await player.now()).notice ?? ''), limit)

await main(async ({ step, server, network, files: [film, long], show, folder }) => {
  const { api } = server.info
  const app = await openApp(api, { proxy: network.address })
  const { page } = app
  show(page)
  const player = new PlayerPart(page)
  const own = [api]
  const watch = async (id) => {
    await page.goto(`${api}/watch/${id}`)
    await player.start()
    await until('it plays', async () => (await player.now()).time > 0.5)
  }
  const reaches = (time) =>
    until(`it plays ${time} s`, async () => (await player.now()).time > time)
  const key = (name) => page.keyboard.press(name)
  const [short, much] = await step('two films are ready', async () => {
    const ids = [await server.upload(film), await server.upload(long, { title: 'A long film' })]
    for (const id of ids) await server.ready(id)
    await page.goto(server.links[0])
    return ids
  })

  await step('a film plays to its end', async () => {
    await page.goto(`${api}/watch/${short}`)
    const again = player.element.getByRole('button', { name: 'Play again' }).first()
    await page.locator('edgereel-player .start').waitFor()
    await key('k')
    // A busy machine drops frames and stalls now and then. A fault of the player comes again.
    let faults
    for (let plays = 0; plays < 3; plays += 1) {
      faults = await faultsOfOnePlay(player)
      if (faults.length === 0) break
      await again.click()
      await until('the beginning', async () => (await player.now()).time < 6)
    }
    assert.deepEqual(faults, [])
    const keys = network.paths.filter((it) => it.endsWith('.key'))
    assert.ok(keys.length > 0, 'the film is encrypted')
    await again.click()
    await until('it plays again', async () => {
      const { time, paused } = await player.now()
      return !paused && time < 6
    })
  })
  await step('the play is counted', async () => {
    // The player reports when the page is left.
    await page.goto(`${api}/`)
    const path = `/v1/videos/${short}/views`
    const { total } = await until('a view with its report', async () => {
      const views = await server.call('GET', path)
      return views.total.watched_seconds > 12 && views
    })
    assert.equal(total.views, 1)
    assert.equal(total.startup.sessions, 1)
    assert.ok(total.average_bitrate > 50_000, JSON.stringify(total))
    assert.deepEqual(total.refusals, {})
    await page.goto(`${api}/videos/${short}`)
    await page.getByRole('img', { name: 'Views in 30 days: 1' }).waitFor()
  })
  await step('quality', async () => {
    await watch(much)
    for (const height of [180, 360]) {
      await player.choose('Quality', `${height}p`)
      await until(`${height}p`, async () => {
        const { resolution, rung } = await player.now()
        return resolution[1] === height && rung.height === height
      })
    }
  })
  await step('previews on the scrub bar, and a click', async () => {
    await until('a preview', () => player.preview(0.5))
    const image = player.element.locator('.preview .tile img')
    await until('its image', () => image.evaluate((it) => it.complete && it.naturalWidth === 1600))
    await page.mouse.down()
    await page.mouse.up()
    await until('the middle', async () => Math.abs((await player.now()).time - 45) < 3)
  })
  await step('the keyboard', async () => {
    const is = (what, holds) => until(what, async () => holds(await player.now()))
    await key('Space')
    await is('paused', (it) => it.paused)
    const moves = async (name, seconds) => {
      const before = (await player.now()).time
      await key(name)
      await is(name, (it) => Math.abs(it.time - before - seconds) < 0.3)
    }
    for (const [name, by] of [
      ['j', -10],
      ['l', 10],
      ['ArrowLeft', -5],
      ['ArrowRight', 5],
    ]) {
      await moves(name, by)
    }
    for (const [name, at] of [
      ['3', 27],
      ['Home', 0],
      ['0', 0],
      ['9', 81],
    ]) {
      await key(name)
      await is(name, (it) => Math.abs(it.time - at) < 0.5)
    }
    const media = (name) => player.element.evaluate((it, name) => it.media[name], name)
    await key('m')
    await until('muted', () => media('muted'))
    await key('m')
    await key('ArrowDown')
    await until('quieter', async () => (await media('volume')) < 1)
    await key('>')
    await until('faster', async () => (await media('playbackRate')) === 1.25)
    await key('<')
    await until('normal', async () => (await media('playbackRate')) === 1)
    await key('f')
    await until('full screen', () => page.evaluate(() => document.fullscreenElement !== null))
    await key('f')
    await until('no full screen', () => page.evaluate(() => document.fullscreenElement === null))
    await key('?')
    await player.element.getByText('Back or forward by 10 seconds').waitFor()
    await key('Escape')
    await key('s')
    await player.element.getByText('Throughput').waitFor()
    await key('s')
    await player.element.getByText('Throughput').waitFor({ state: 'detached' })
  })
  await step('the position is remembered', async () => {
    await key('5')
    await until('the middle', async () => Math.abs((await player.now()).time - 45) < 1)
    await page.reload()
    await player.element.locator('.start').waitFor()
    await until('45 s', async () => Math.abs((await player.now()).time - 45) < 2)
  })
  await step('the network is gone for ten seconds', async () => {
    await player.start()
    await reaches(46)
    network.cut()
    await key('Home')
    await notice(player, /Reconnecting/)
    await new Promise((done) => setTimeout(done, 10_000))
    network.join()
    await until('it goes on', async () => {
      const { time, notice: said } = await player.now()
      return said === null && time > 1 && time < 40
    })
  })
  await step('a grant is renewed, and revoked', async () => {
    own.push(await revoked(server, page, player, much))
  })
  await step('grants that are refused', async () => {
    const grants = {
      'has expired': server.grant(much, -120),
      'is for another video': server.grant(short, 600),
      'not be played on this site': server.grant(much, 600, { origins: ['https://other.example'] }),
      'not available in your country': server.grant(much, 600, { geo: { allow: ['DE'] } }),
      'not available from your network': server.grant(much, 600, { ip: ['203.0.113.0/24'] }),
      'is damaged': `${server.grant(much, 600).slice(0, -4)}AAAA`,
    }
    for (const [text, grant] of Object.entries(grants)) {
      await page.goto('about:blank')
      await page.goto(`${api}/embed/${much}#grant=${grant}`)
      await notice(player, new RegExp(text))
    }
    await page.goto(`${api}/watch/vid_${'0'.repeat(32)}`)
    await notice(player, /does not exist/)
  })
  await step('a share link in a fresh browser, until it is revoked', async () => {
    const share = await server.call('POST', `/v1/videos/${much}/shares`, {})
    const fresh = await openApp(api, { proxy: network.address, screen: 'phone' })
    show(fresh.page)
    await fresh.page.goto(share.url)
    const shared = new PlayerPart(fresh.page)
    await shared.element.locator('.start').tap()
    await until('it plays', async () => (await shared.now()).time > 1)
    await doubleTaps(fresh.page, shared)
    assert.equal(await fresh.page.evaluate(() => document.cookie), '')
    const width = await fresh.page.evaluate(() => [document.body.scrollWidth, innerWidth])
    assert.ok(width[0] <= width[1], `the page is wider than the phone: ${width}`)
    // On a large screen, the images above the seek bar are larger.
    const large = await openApp(api, { proxy: network.address, screen: 'large' })
    const index = large.page.waitForResponse((it) => it.url().endsWith('/storyboard-large.vtt'))
    await large.page.goto(share.url)
    await new PlayerPart(large.page).element.locator('.start').click()
    assert.equal((await index).status(), 200)
    await large.close()
    await server.call('DELETE', `/v1/videos/${much}/shares/${share.id}`)
    await fresh.page.reload()
    await notice(shared, /expired or was revoked/)
    assert.deepEqual(fresh.errors, [])
    await fresh.close()
  })
  await step('a video that is made on its first view', async () => {
    const copy = await padded(film, `${folder}/first.mp4`, 1)
    const id = await server.upload(copy, { generate: 'on_first_view' })
    await page.goto(`${api}/watch/${id}`)
    await notice(player, /being prepared/)
    await until('it starts by itself', async () => (await player.now()).time > 1)
  })
  await step('a video that failed says why, and offers another attempt', async () => {
    const id = await server.upload(await textFile(folder))
    await until('it failed', async () => (await server.video(id)).state === 'failed')
    await page.goto(`${api}/watch/${id}`)
    await notice(player, /cannot be played/)
    await player.element.getByRole('button', { name: 'Make the video again' }).click()
    await until('another attempt', async () => (await server.video(id)).attempts.length > 1)
    await notice(player, /cannot be played/)
  })
  await step('no error on the console, no third party', async () => {
    assert.deepEqual(app.errors, [])
    assert.deepEqual(
      [...app.origins].filter((it) => !own.includes(it)),
      [],
    )
    await app.close()
  })
})

/**
 * On the page of a customer: short grants are renewed, until the edge knows of a revocation.
 * Returns the origin of the page.
 */
async function revoked(server, page, player, video) {
  const claims = { sub: 'bob', jti: `session-${Date.now()}`, check_segments: true }
  const customer = await startCustomer(server, video, () => server.grant(video, 20, claims))
  await page.goto(customer.address)
  await player.start()
  await until('a renewal', async () => (await player.now()).renewals >= 1)
  const { stalls, paused } = await player.now()
  assert.deepEqual([stalls, paused], [0, false])
  await server.revoke(claims.sub)
  await player.seek(85)
  await notice(player, /was revoked/, 90_000)
  customer.close()
  return new URL(customer.address).origin
}

/** Waits until the film of 12 s (300 frames) has ended; returns what was wrong. */
async function faultsOfOnePlay(player) {
  const before = await player.now()
  const seen = new Set()
  await until('the end', async () => {
    const { time, paused } = await player.now()
    if (time > 0 && !paused) seen.add(String(await player.pixels()))
    return player.element.evaluate((it) => it.media.ended)
  })
  const { stalls, frames, dropped, firstFrame, time } = await player.now()
  const [stalled, shown, lost] = [
    stalls - before.stalls,
    frames - (before.frames ?? 0),
    dropped - (before.dropped ?? 0),
  ]
  const checks = [
    [time > 11.7, `it ended at ${time} s`],
    [stalled === 0, `${stalled} stalls`],
    [seen.size > 10, `only ${seen.size} different images`],
    [shown > 270 && lost < 60, `${lost} dropped of ${shown}`],
    [firstFrame > 0, `the first frame after ${firstFrame} ms`],
  ]
  return checks.filter(([holds]) => !holds).map(([, text]) => text)
}

/** Two taps at the right seek forward, at the left back. */
async function doubleTaps(page, player) {
  const box = await player.element.boundingBox()
  for (const [part, by] of [
    [0.85, 10],
    [0.15, -10],
  ]) {
    const before = (await player.now()).time
    const place = [box.x + box.width * part, box.y + box.height * 0.4]
    await page.touchscreen.tap(...place)
    await page.touchscreen.tap(...place)
    await until(`${by} s`, async () => Math.abs((await player.now()).time - before - by) < 4)
  }
}

async function textFile(folder) {
  const path = `${folder}/notes.mp4`
  await writeFile(path, 'This is not a video.\n'.repeat(500))
  return path
}
