// How to get to every page and state.

import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { ConvertPage, LibraryPage, PlayerPart, UploadPage } from '../pages.mjs'
import { until } from '../until.mjs'
import { settings } from './settings.mjs'

/** Waits until the images in the visible part of a page are there. */
const images = (page) =>
  until('the images', () =>
    page.evaluate(() =>
      [...document.images]
        .filter((it) => it.getBoundingClientRect().top < innerHeight)
        .every((it) => it.complete && it.naturalWidth > 0),
    ),
  )

/** Plays the video of a page, and stops at a moment. */
async function playTo(page, moment) {
  const player = new PlayerPart(page)
  await player.start()
  await until('it plays', async () => (await player.now()).time > 0.2)
  await player.element.evaluate((it) => it.pause())
  const { duration } = await player.now()
  await player.seek(Math.min(moment, duration - 1))
  await until('the frame', () =>
    player.element.evaluate((it) => !it.media.seeking && it.media.readyState > 2),
  )
  return player
}

const watching = {
  async watch({ page, api, world, take }) {
    await page.goto(`${api}/watch/${world.main}`)
    const player = await playTo(page, 16)
    // The controls stay while the video is paused; a toast about the speed does not.
    await page.getByRole('link', { name: 'Details' }).waitFor()
    await take()
    await player.element.getByRole('button', { name: 'Settings' }).click()
    await player.element.getByRole('menuitem', { name: 'Quality' }).click()
    await player.element.getByRole('menuitemradio').first().waitFor()
    await take('watch-quality')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await player.element.getByText('Back or forward by 10 seconds').waitFor()
    await take('watch-help')
    await page.keyboard.press('Escape')
    await page.keyboard.press('s')
    await player.element.getByText('Throughput').waitFor()
    await take('watch-stats')
    await page.keyboard.press('s')
  },
  async 'watch-failed'({ page, api, world, take }) {
    await page.goto(`${api}/watch/${world.broken}`)
    await page.getByText('This video cannot be played').waitFor()
    await take()
  },
  async 'watch-unknown'({ page, api, take }) {
    await page.goto(`${api}/watch/vid_${'0'.repeat(32)}`)
    await page.getByText('does not exist').first().waitFor()
    await take()
  },
  async 'watch-preparing'({ page, api, world, take }) {
    // Without this, the video would be made.
    const body = JSON.stringify({ status: 'processing', percent: 40 })
    await page.route('**/stream?*', (route) =>
      route.fulfill({ status: 202, contentType: 'application/json', body }),
    )
    await page.goto(`${api}/watch/${world.stored}`)
    await page.getByText(/being prepared: 40/).waitFor()
    await take()
    await page.unroute('**/stream?*')
  },
  async embed({ page, api, world, server, take }) {
    await page.goto(`${api}/embed/${world.main}#grant=${server.grant(world.main, 600)}`)
    await playTo(page, 26)
    await take()
  },
  async shared({ page, api, world, server, take }) {
    const { url } = await server.call('POST', `/v1/videos/${world.main}/shares`, {})
    await page.goto(url)
    await page.locator('edgereel-player .start').waitFor()
    await images(page)
    await take()
    await page.goto(`${api}/shared/${'x'.repeat(22)}`)
    await page.getByText('expired or was revoked').waitFor()
    await take('shared-revoked')
  },
}

const listing = {
  async library({ page, api, take }) {
    await page.goto(api)
    await page.locator('.video-card').first().waitFor()
    await images(page)
    await take()
  },
  async 'library-selected'({ page, take }) {
    const library = new LibraryPage(page)
    for (const at of [0, 1]) await page.locator('.choose').nth(at).click()
    await take()
    await library.act('Delete')
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    await take('library-undo')
    await library.undo()
  },
  async 'library-table'({ page, take }) {
    await page.getByRole('button', { name: 'Table', exact: true }).click()
    await page.locator('.video-row').nth(1).waitFor()
    await images(page)
    await take()
    await page.getByRole('button', { name: 'Grid', exact: true }).click()
  },
  async 'library-nothing'({ page, take }) {
    const library = new LibraryPage(page)
    await library.search('zebra')
    await page.getByRole('heading', { name: 'No video matches' }).waitFor()
    await take()
    await library.search('')
  },
  async video({ page, api, world, take }) {
    await page.goto(`${api}/videos/${world.main}`)
    await page.getByText('Cloudflare Stream').first().waitFor()
    await images(page)
    await take()
    await page.getByRole('heading', { name: 'Timeline' }).scrollIntoViewIfNeeded()
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await take('video-end')
    await page.evaluate(() => scrollTo(0, 0))
    await page.getByRole('button', { name: 'Choose a moment' }).click()
    await page.locator('.moments button').nth(2).click()
    await images(page)
    await take('video-poster')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Create a link' }).click()
    await page.getByRole('dialog').getByLabel('Label').waitFor()
    await take('video-share')
    await page.keyboard.press('Escape')
  },
  async 'video-failed'({ page, api, world, take }) {
    await page.goto(`${api}/videos/${world.broken}`)
    await page.getByRole('button', { name: 'Retry' }).waitFor()
    await page.getByRole('heading', { name: 'Timeline' }).waitFor()
    await take()
  },
}

const working = {
  async upload({ page, api, network, server, world, name, take }) {
    await page.goto(`${api}/upload`)
    await page.getByRole('button', { name: 'Choose files' }).waitFor()
    await take('upload-empty')
    page.on('dialog', (dialog) => void dialog.accept().catch(() => {}))
    const upload = new UploadPage(page)
    const file = async (title, mebibytes) => {
      const path = join(world.folder, `${title}.mp4`)
      await writeFile(path, Buffer.alloc(mebibytes * 1024 * 1024, name))
      return path
    }
    await upload.add(world.film, world.text)
    await until('both are done', async () => {
      const all = await upload.cards()
      return all.length === 2 && all.every((it) => /Ready|not|cannot/i.test(it.state))
    })
    network.limit(1024 * 1024)
    await upload.add(await file('Graduation ceremony', 40))
    await upload.add(await file('Interview with the director', 60))
    await until('two more', async () => (await upload.cards()).length === 4)
    await until('they are sent', async () =>
      (await upload.cards()).slice(0, 2).every((it) => /left/.test(it.state)),
    )
    await upload.press(0, 'Pause')
    const empty = join(world.folder, 'empty.mp4')
    await writeFile(empty, '')
    await upload.add(empty)
    await page.getByText('The file is empty').waitFor()
    await page.evaluate(() => scrollTo(0, 0))
    await take()
    for (const left of [3, 2]) {
      await upload.press(0, 'Cancel this upload')
      await until('a card less', async () => (await upload.cards()).length === left)
    }
    network.limit(0)
    await until('they are gone', async () => !(await server.titled('Graduation ceremony')))
    // The library of the next screen looks like that of this one.
    for (const title of ['notes', 'River at noon']) {
      await server.call('DELETE', `/v1/videos/${(await server.titled(title)).id}`)
    }
  },
  async convert({ page, api, take, name }) {
    await page.goto(`${api}/convert`)
    const convert = new ConvertPage(page)
    await page
      .getByRole('checkbox', { name: /^Select lectures/ })
      .first()
      .waitFor()
    if (name === 'light') {
      await convert.select('lectures/2019/panel-discussion.mov')
      await convert.select('lectures/2020/keynote.mp4')
    } else {
      await page
        .getByRole('checkbox', { name: /^Select lectures/ })
        .first()
        .click()
    }
    await page.getByRole('region', { name: 'Estimate' }).waitFor()
    await take()
    await page
      .getByRole('checkbox', { name: /^Select lectures/ })
      .first()
      .click()
  },
  ...settings,
  async 'session-ended'({ page, context, api, take }) {
    await page.goto(api)
    await page.locator('.video-card').first().waitFor()
    const cookies = await context.cookies()
    await context.clearCookies()
    await page.getByLabel('Search titles').fill('a')
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor()
    await take()
    await context.addCookies(cookies)
  },
  async 'not-found'({ page, api, take }) {
    await page.goto(`${api}/videos/vid_${'0'.repeat(32)}`)
    await page.getByRole('alert').waitFor()
    await take()
  },
}

export const pages = { ...listing, ...watching, ...working }
