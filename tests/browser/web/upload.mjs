// node web/upload.mjs EDGEREEL FILM: signs in by the printed link, and uploads through everything
// that may happen in the meantime.

import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openApp } from './app.mjs'
import { main, padded } from './flow.mjs'
import { PlayerPart, signIn, UploadPage } from './pages.mjs'
import { until } from './until.mjs'

const MIB = 1024 * 1024

await main(
  async ({ step, server, network, folder, files: [film], show }) => {
    const proxy = network.address
    const profile = join(folder, 'profile')
    let app = await openApp(server.info.api, { profile, proxy })
    let page
    let upload
    const use = (opened) => {
      app = opened
      page = opened.page
      upload = new UploadPage(page)
      page.on('dialog', (dialog) => void dialog.accept().catch(() => {}))
      show(page)
    }
    use(app)
    const card = (title) => upload.cards().then((all) => all.find((it) => it.title === title))
    const sent = (title) =>
      until(`${title} is complete`, async () => (await card(title))?.isSent, 120_000)
    const partsOf = async (title) => {
      const { id, source } = await server.titled(title)
      const parts = network.parts.filter((it) => it.video === id && it.status === 200)
      return { parts, numbers: parts.map((it) => it.part).sort((a, b) => a - b), size: source.size }
    }
    /** Each part was received once, and together they are the file. */
    const onePartEach = async (title) => {
      const { parts, numbers, size } = await partsOf(title)
      const all = Array.from({ length: parts.length }, (_, at) => at + 1)
      assert.deepEqual(numbers, all, `parts of ${title} at the store`)
      assert.equal(
        parts.reduce((sum, it) => sum + it.bytes, 0),
        size,
      )
    }
    /** Adds a large file, and waits until the store has its first part. */
    const begin = async (title, tab = upload) => {
      const file = await padded(film, join(folder, `${title}.mp4`), 44)
      network.limit(4 * MIB)
      const before = network.parts.length
      await tab.add(file)
      await until(`a part of ${title}`, () => network.parts.length > before)
      return file
    }

    await step('sign in by the printed link', async () => {
      const [link] = server.links
      await page.goto(link)
      await page.getByRole('heading', { name: 'Library' }).waitFor()
      assert.equal(page.url(), `${server.info.api}/`)
      assert.equal(await page.evaluate(() => document.cookie), '')
      // The link is not in the history, and does not work twice.
      assert.equal(await page.evaluate(() => history.length), 2)
      const [status] = await Promise.all([fetch(link, { redirect: 'manual' })])
      assert.equal(status.headers.get('set-cookie'), null)
    })
    await step('an empty library says what to do', async () => {
      await page.getByRole('heading', { name: 'There are no videos yet' }).waitFor()
      await page.getByRole('link', { name: 'Upload' }).first().click()
    })
    await step('two files: one plays while its rest is made', async () => {
      const second = await padded(film, join(folder, 'Second film.mp4'), 0)
      await upload.add(film, second)
      await until('two cards', async () => (await upload.cards()).length === 2)
      await upload.rename(0, 'A new name')
      const link = page.locator('.upload a', { hasText: 'Watch' }).first()
      await link.waitFor({ timeout: 60_000 })
      const id = (await link.getAttribute('href')).split('/').pop()
      await link.click()
      const player = new PlayerPart(page)
      await player.start()
      await until('the film plays', async () => (await player.now()).time > 1)
      assert.equal((await server.video(id)).state, 'playable')
      await server.ready(id)
      await until('it plays to its end', () => player.element.evaluate((it) => it.media.ended))
      const { stalls, duration, time } = await player.now()
      assert.deepEqual([stalls, Math.abs(time - duration) < 0.3], [0, true])
      assert.ok(duration > 11, `${duration}`)
    })
    await step('the cards and the new name are still there', async () => {
      await page.getByRole('navigation').getByRole('link', { name: 'Upload' }).click()
      await sent('A new name')
      await until('it can be watched', async () => (await card('A new name')).mayWatch)
      assert.ok(await server.titled('A new name'))
    })
    await step('a reload in the middle', async () => {
      await begin('Reloaded')
      await page.reload()
      network.limit(0)
      await sent('Reloaded')
      await onePartEach('Reloaded')
    })
    await step('the network is gone for ten seconds', async () => {
      await begin('Cut')
      network.cut()
      await until('the card says so', async () => /no connection/.test((await card('Cut')).state))
      await new Promise((done) => setTimeout(done, 10_000))
      network.join()
      network.limit(0)
      await sent('Cut')
      await onePartEach('Cut')
    })
    await step('pause and resume', async () => {
      await begin('Paused')
      await upload.press(0, 'Pause')
      await until('it is paused', async () => /^Paused at/.test((await card('Paused')).state))
      const before = network.parts.length
      network.limit(0)
      await new Promise((done) => setTimeout(done, 500))
      assert.equal(network.parts.length, before)
      await upload.press(0, 'Resume')
      await sent('Paused')
      await onePartEach('Paused')
    })
    await step('a second tab asks before it sends the same file', async () => {
      const file = await begin('Two tabs')
      const tab = new UploadPage(await app.context.newPage())
      await tab.page.goto(`${server.info.api}/upload`)
      await tab.add(file)
      await tab.page.getByText('Another tab is already uploading Two tabs.mp4').waitFor()
      await tab.page.getByRole('button', { name: /^Upload it again/ }).waitFor()
      assert.deepEqual(await tab.cards(), [])
      await tab.page.close()
      network.limit(0)
      await sent('Two tabs')
      await onePartEach('Two tabs')
    })
    await step('the session ends in the middle', async () => {
      await begin('Signed out')
      await app.context.clearCookies()
      network.limit(0)
      const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
      await dialog.waitFor()
      await signIn(page, server.info.token)
      await dialog.waitFor({ state: 'detached' })
      await sent('Signed out')
      await onePartEach('Signed out')
    })
    await step('the browser crashes in the middle', async () => {
      assert.deepEqual(app.errors, [])
      await begin('Crashed')
      network.limit(MIB / 16)
      await stored(profile, 'Crashed')
      await killAll(profile)
      await app.context.close().catch(() => {})
      use(await openApp(server.info.api, { profile, proxy }))
      await page.goto(server.links.at(-1).replace('?', '?to=/upload&'))
      network.limit(0)
      await sent('Crashed')
      await onePartEach('Crashed')
    })
    await step('cancel leaves nothing', async () => {
      await begin('Cancelled')
      await upload.press(0, 'Cancel this upload')
      await until('it is gone', async () => !(await server.titled('Cancelled')))
      network.limit(0)
    })
    await step('no error on the console, no third party', async () => {
      assert.deepEqual(app.errors, [])
      const own = [server.info.api, server.info.s3.endpoint]
      assert.deepEqual(
        [...app.origins].filter((it) => !own.includes(it)),
        [],
      )
      await app.close()
    })
  },
  { speed: 1.5 },
)

/** Waits until the storage of the profile knows the upload and its first part. */
async function stored(profile, title) {
  const folder = join(profile, 'Default', 'IndexedDB')
  await until('the upload is on the disk', async () => {
    const names = await readdir(folder, { recursive: true })
    const logs = names.filter((it) => it.endsWith('.log')).map((it) => join(folder, it))
    const all = await Promise.all(logs.map((it) => readFile(it).catch(() => Buffer.alloc(0))))
    return all.some((it) => it.includes(title) || it.includes(Buffer.from(title, 'utf16le')))
  })
}

/** `kill -9` for every process of the browser with this profile. */
async function killAll(profile) {
  for (const id of (await readdir('/proc')).filter((it) => /^\d+$/.test(it))) {
    const line = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')
    if (line.includes(`--user-data-dir=${profile}`)) process.kill(Number(id), 'SIGKILL')
  }
}
