// node web/refusals.mjs EDGEREEL FILM: bad files, and servers that refuse for a while. Each gets a
// sentence and a way on; nothing is lost.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { openApp } from './app.mjs'
import { main, padded } from './flow.mjs'
import { PlayerPart, signIn, UploadPage } from './pages.mjs'
import { until } from './until.mjs'

const MIB = 1024 * 1024

await main(
  async ({ step, server, network, folder, files: [film], show }) => {
    const { api } = server.info
    const app = await openApp(api, { proxy: network.address })
    const { page } = app
    show(page)
    const upload = new UploadPage(page)
    const bytes = await readFile(film)
    const file = (name, buffer = bytes) => ({ name, mimeType: 'video/mp4', buffer })
    const newest = async () => (await upload.cards())[0]
    const sent = () => until('it is complete', async () => (await newest())?.isSent)
    const says = (text, limit) =>
      until(`the card says ${text}`, async () => text.test((await newest())?.state), limit)
    await step('sign in', async () => {
      await page.goto(server.links[0].replace('?', '?to=/upload&'))
      await page.getByRole('button', { name: 'Choose files' }).waitFor()
    })
    await step('files that cannot be uploaded', async () => {
      const large = await padded(film, `${folder}/large.mp4`, 40)
      await upload.add(file('empty.mp4', Buffer.alloc(0)))
      await page.getByText('empty.mp4: The file is empty').waitFor()
      await upload.add(large)
      await page.getByText(/large.mp4: The file has .* the limit is/).waitFor()
      await upload.add({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') })
      await page.getByText('notes.txt: This is neither video nor audio').waitFor()
      assert.deepEqual(await upload.cards(), [])
    })
    await step('text with the name of a video', async () => {
      await upload.add(file('notes.mp4', Buffer.from('not a video '.repeat(100))))
      await says(/not a video/)
      await upload.press(0, 'Remove from the list')
      await until('no card', async () => (await upload.cards()).length === 0)
    })
    await step('long names, and names in other scripts', async () => {
      const names = [
        `${'n'.repeat(296)}.mp4`,
        'סרטון של חתול.mp4',
        'فيلم ٢٠٢٦.mp4',
        '影片 🎬 100%.mp4',
      ]
      for (const [at, name] of names.entries()) {
        // Four different files: a box that programs skip, of another length each time.
        const box = Buffer.alloc(8 + at)
        box.writeUInt32BE(8 + at)
        box.write('free', 4, 'latin1')
        await upload.add(file(name, Buffer.concat([bytes, box])))
        const title = name.slice(0, -4)
        await until('its card', async () => (await newest())?.title === title)
        await sent()
        await until('the video', () => server.titled(title))
      }
      assert.ok((await page.evaluate(() => document.body.scrollWidth - innerWidth)) <= 0)
    })
    await step('the API is busy: 429, then 503 for a while', async () => {
      const isUpload = (method, url) => method === 'POST' && url.pathname === '/v1/s3/multipart'
      const problem = (code, detail) => ({
        body: { code, detail },
        headers: { 'retry-after': '1' },
      })
      const busy = problem('too-many-requests', 'too many requests')
      let end = network.fail(isUpload, 429, busy)
      await upload.add(file('busy.mp4'))
      await says(/Too many requests.*by itself/)
      end()
      end = network.fail(isUpload, 503, problem('unavailable', 'the catalog does not respond'))
      await until('more attempts', () => end.rule.count >= 2)
      await says(/The catalog does not respond.*by itself/)
      end()
      await sent()
    })
    await step('the disk of the store is full', async () => {
      const isPart = (method, url) => method === 'PUT' && url.searchParams.has('partNumber')
      const end = network.fail(isPart, 507)
      await upload.add(file('full.mp4', Buffer.concat([bytes, Buffer.alloc(MIB)])))
      await says(/The bucket is full/)
      end()
      await sent()
    })
    await step('the library during an outage', async () => {
      const all = (_, url) => url.pathname.startsWith('/v1/videos')
      const end = network.fail(all, 503, { body: { code: 'unavailable', detail: 'try later' } })
      await page.getByRole('navigation').getByRole('link', { name: 'Library' }).click()
      await page
        .getByRole('alert')
        .getByText(/Try later/)
        .waitFor()
      const attempts = end.rule.count
      await page.getByRole('button', { name: 'Try again' }).click()
      await until('another attempt', () => end.rule.count > attempts)
      end()
      // The page may recover by itself first, and the button is gone then.
      const retry = page.getByRole('button', { name: 'Try again' })
      await until('the list', async () => {
        await retry.click({ timeout: 500 }).catch(() => {})
        return page.getByText('busy', { exact: true }).first().isVisible()
      })
    })
    await step('the server is gone for a while', async () => {
      network.cut()
      await page.goto(api).catch(() => {})
      network.join()
      // The page of the failed navigation may still be on its way.
      await until('the page is back', () => page.goto(api).catch(() => null))
      await page.getByText('busy', { exact: true }).first().waitFor()
    })
    await step('a video of another owner', async () => {
      const own = { name: 'ann', owner: 'ann', scopes: ['read', 'play', 'upload', 'write'] }
      const { key } = await server.call('POST', '/v1/api-keys', own)
      const foreign = await server.titled('busy')
      const other = await openApp(api, { proxy: network.address })
      show(other.page)
      await other.go(`/watch/${foreign.id}`)
      await signIn(other.page, key)
      const player = new PlayerPart(other.page)
      await until('the player says so', async () => /not yours/.test((await player.now()).notice))
      await other.go(`/videos/${foreign.id}`)
      await other.page.getByRole('alert').waitFor()
      await other.go('/')
      await other.page.getByRole('heading', { name: 'There are no videos yet' }).waitFor()
      assert.deepEqual(other.errors, [])
      await other.close()
    })
    await step('an address that does not exist', async () => {
      for (const path of ['/settings/nothing', '/videos/none']) {
        await page.goto(`${api}${path}`)
        await page.locator('main').waitFor()
      }
      await page.getByRole('alert').waitFor()
    })
    await step('no error on the console', async () => {
      assert.deepEqual(app.errors, [])
      await app.close()
    })
  },
  { options: ['--max-upload-bytes', String(32 * MIB)] },
)
