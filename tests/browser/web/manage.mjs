// node web/manage.mjs EDGEREEL FILM: the library, conversions and settings; most of it by keyboard.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { openApp } from './app.mjs'
import { main, padded } from './flow.mjs'
import { ConvertPage, LibraryPage, PlayerPart, signIn } from './pages.mjs'
import { until } from './until.mjs'

await main(async ({ step, server, network, files: [film], show, folder }) => {
  const { api } = server.info
  const app = await openApp(api, { proxy: network.address })
  const { page } = app
  show(page)
  const library = new LibraryPage(page)
  const titles = ['Alpha', 'Beta', 'Gamma']
  const ids = await step('three videos', async () => {
    const all = []
    for (const [at, title] of titles.entries()) {
      const copy = await padded(film, `${folder}/${title}.mp4`, at)
      all.push(await server.upload(copy, { title }))
    }
    for (const id of all) await server.ready(id)
    await page.goto(server.links[0])
    return all
  })
  await step('the library shows, sorts, searches and filters', async () => {
    const shows = (...wanted) =>
      until(`${wanted}`, async () => `${await library.titles()}` === `${wanted}`)
    await shows('Gamma', 'Beta', 'Alpha')
    assert.equal(await library.count(), 3)
    await page.getByLabel('Order').selectOption('title')
    await shows('Alpha', 'Beta', 'Gamma')
    await page.getByLabel('Order').selectOption('-size')
    await shows('Gamma', 'Beta', 'Alpha')
    await library.search('bet')
    await shows('Beta')
    await library.search('nothing like this')
    await page.getByRole('button', { name: 'Show all videos' }).click()
    await library.filter('Failed')
    await page.getByRole('heading', { name: 'No video matches' }).waitFor()
    await library.filter('Ready')
    await shows('Gamma', 'Beta', 'Alpha')
    await library.filter('All')
  })
  await step('a poster plays a preview under the pointer and with the focus', async () => {
    const card = page.locator('.video-card').first()
    const preview = card.locator('.preview[data-loaded="true"]')
    const poster = card.locator('.video-poster')
    await poster.hover()
    await preview.waitFor()
    assert.equal(await preview.evaluate((it) => it.naturalWidth), 320)
    assert.equal(await preview.getAttribute('alt'), '')
    await page.mouse.move(0, 0)
    await preview.waitFor({ state: 'detached' })
    await card.locator('.video-title').focus()
    await page.keyboard.press('Shift+Tab')
    await preview.waitFor()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.keyboard.press('Escape')
    await card.locator('.choose').blur()
    await preview.waitFor({ state: 'detached' })
    await poster.hover()
    await page.waitForTimeout(600)
    assert.equal(await card.locator('.preview').count(), 0)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    await page.mouse.move(0, 0)
  })
  await step('a poster plays its storyboard if no preview can be made', async () => {
    await page.route('**/preview', (route) => route.fulfill({ status: 501 }))
    await page.locator('.video-card').nth(1).locator('.video-poster').hover()
    await page.locator('.board img').waitFor()
    await page.unroute('**/preview')
    await page.mouse.move(0, 0)
  })
  await step('a new video appears without a reload', async () => {
    const id = await server.upload(film, { title: 'Delta' })
    await until('it is there', async () => (await library.titles()).includes('Delta'))
    await server.call('DELETE', `/v1/videos/${id}`)
    await until('it is gone', async () => !(await library.titles()).includes('Delta'))
  })
  await step('delete, undo, and delete', async () => {
    await library.select('Beta')
    await library.act('Delete')
    await until('two are left', async () => (await library.titles()).length === 2)
    await library.undo()
    await until('three again', async () => (await library.titles()).length === 3)
    await library.select('Beta')
    await library.act('Delete')
    const state = async () => (await server.video(ids[1])).state
    // A page that closes deletes at once.
    await page.goto(`${api}/upload`)
    await until('it is deleted', async () => (await state().catch(() => 'deleted')) === 'deleted')
    await page.goto(api)
    await until('two are left', async () => `${await library.titles()}` === 'Gamma,Alpha')
  })
  await step('select several, re-encode', async () => {
    await library.select('Alpha')
    await library.select('Gamma')
    await library.act('Re-encode (2)')
    const dialog = page.getByRole('dialog', { name: 'Re-encode' })
    await dialog.getByLabel('Mode').selectOption('One quality, without encoding')
    await dialog.getByRole('button', { name: 'Re-encode' }).click()
    for (const id of [ids[0], ids[2]]) {
      await until('another attempt', async () => (await server.video(id)).attempts.length > 1)
      await server.ready(id)
    }
  })
  await step('everything about one video', async () => {
    await page.goto(`${api}/videos/${ids[0]}`)
    for (const name of ['Renditions', 'Timeline', 'Receipt', 'Share links', 'Poster', 'Captions', 'About']) {
      await page.getByRole('heading', { name, exact: true }).waitFor()
    }
    const row = page.getByRole('row', { name: /640.+360/ }).first()
    assert.match(await row.textContent(), /bit\/s/)
    await page.getByText('Cloudflare Stream').first().waitFor()
    await page.getByRole('button', { name: 'Choose a moment' }).click()
    await page.locator('.moments button').nth(3).click()
    await page.getByRole('button', { name: 'Use as the poster' }).click()
    await page.getByText('Chosen by you.').waitFor()
  })
  await step('captions are added, found, shown and deleted', async () => {
    await page.getByRole('button', { name: 'Add captions' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add captions' })
    const file = '1\n00:00:00,500 --> 00:00:09,000\nGrüß <font color="red">Gott</font>\n'
    await dialog.getByLabel('File').setInputFiles({ name: 'a.srt', mimeType: 'text/plain', buffer: Buffer.from(file) })
    await dialog.getByLabel('Language').fill('de')
    await dialog.getByRole('button', { name: 'Add captions' }).click()
    const corrected = page.getByRole('dialog', { name: 'Corrected captions' })
    await corrected.getByText('line 2: markup').waitFor()
    await corrected.getByRole('button', { name: 'Done' }).click()
    const line = page.getByRole('listitem').filter({ hasText: 'Deutsch' })
    await until('they are published', async () => !(await line.textContent()).includes('being published'))
    await page.getByRole('searchbox', { name: 'Find what is said' }).fill('GRUSS gott')
    await page.keyboard.press('Enter')
    await page.getByRole('list', { name: 'Where it is said' }).getByText('Grüß Gott').waitFor()
    await page.goto(`${api}/watch/${ids[0]}`)
    const player = new PlayerPart(page)
    await player.start()
    await player.element.hover()
    await player.element.getByRole('button', { name: 'Captions' }).click()
    await player.element.getByRole('menuitemradio', { name: 'Deutsch' }).click()
    const shown = () =>
      player.element.evaluate(({ media }) =>
        [...media.textTracks].flatMap((it) => (it.mode === 'showing' ? [...(it.activeCues ?? [])].map((cue) => cue.text) : [])),
      )
    await until('they are shown', async () => `${await shown()}` === 'Grüß Gott')
    await page.goto(`${api}/videos/${ids[0]}`)
    await line.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('The video has no captions.').waitFor()
  })
  await step('convert three objects', async () => {
    const keys = ['lectures/one.mp4', 'lectures/two.mp4', 'lectures/three.mp4']
    for (const [at, key] of keys.entries()) {
      await server.put(key, await readFile(await padded(film, `${folder}/object.mp4`, at)))
    }
    await server.put('lectures/notes.txt', Buffer.from('notes'), 'text/plain')
    await page.getByRole('navigation').getByRole('link', { name: 'Convert' }).click()
    const convert = new ConvertPage(page)
    await page.getByText('1 object is not a video').waitFor()
    for (const key of keys) await convert.select(key)
    assert.match(await convert.estimate(), /3 objects.*minute.*\$/)
    await convert.convert()
    await page.getByRole('heading', { name: /^3 of 3 done/ }).waitFor({ timeout: 60_000 })
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save the report (CSV)' }).click()
    const report = await readFile(await (await download).path(), 'utf8')
    assert.equal(report.trim().split('\r\n').length, 4)
    for (const key of keys) assert.match(report, new RegExp(`${key},\\d+,vid_\\w+,Ready`))
  })
  await step('keys, and what a scope does not allow', async () => {
    const secret = await keyForReaders(page)
    const reader = await openApp(api, { proxy: network.address })
    show(reader.page)
    await reader.go('/')
    await signIn(reader.page, 'er_not_a_key')
    await reader.page.getByRole('alert').waitFor()
    await signIn(reader.page, secret)
    await reader.page.getByRole('heading', { name: 'Library' }).waitFor()
    const nav = reader.page.getByRole('navigation')
    assert.deepEqual(await nav.getByRole('link').allTextContents(), ['Library'])
    await reader.go('/upload')
    await reader.page.getByText('You may not upload videos with this account.').waitFor()
    await reader.go('/convert')
    await reader.page.getByText('Only an admin may convert').waitFor()
    await reader.page.getByRole('button', { name: 'Sign out' }).click()
    await reader.page.getByLabel('API key').waitFor()
    assert.deepEqual(reader.errors, [])
    await reader.close()
  })
  await step('a webhook, its test and its log', async () => {
    await page.goto(`${api}/settings/webhooks`)
    await page.getByRole('button', { name: 'Add a webhook' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('URL').fill('http://127.0.0.1:9/hook')
    await dialog.getByRole('button', { name: 'Add a webhook' }).click()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Send a test' }).first().click()
    await page.getByRole('button', { name: 'Show the delivery log' }).first().click()
    await page.getByRole('cell', { name: /test/ }).first().waitFor()
  })
  await step('by keyboard alone: find, watch, come back, delete, undo', async () => {
    await page.goto(api)
    await byKeyboard(page, library)
  })
  await step('no error on the console, no third party', async () => {
    assert.deepEqual(app.errors, [])
    assert.deepEqual(
      [...app.origins].filter((it) => it !== api),
      [],
    )
    await app.close()
  })
})

/** Creates a key that may only read; returns it. */
async function keyForReaders(page) {
  await page.goto(new URL('/settings', page.url()).href)
  await page.getByRole('button', { name: 'Create a key' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('readers')
  for (const box of await dialog.getByRole('checkbox').all()) await box.uncheck()
  await dialog.getByRole('checkbox', { name: /^read/ }).check()
  await dialog.getByRole('button', { name: 'Create a key' }).click()
  const secret = page.getByRole('dialog').getByRole('textbox').first()
  const key = await until('the key', async () => /^er_\w+$/.exec(await secret.inputValue())?.[0])
  await page.getByRole('button', { name: 'Done' }).click()
  return key
}

/** Goes to an element with the Tab key, as a user without a mouse does. `name`: `TAG name`. */
async function tabTo(page, name, { most = 60, key = 'Tab' } = {}) {
  const focused = () =>
    page.evaluate(() => {
      let it = document.activeElement
      while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement
      const name = it?.getAttribute('aria-label') || it?.textContent?.trim()
      return `${it?.tagName} ${name}`
    })
  for (let count = 0; count < most; count += 1) {
    if (name.test(await focused())) return
    await page.keyboard.press(key)
  }
  throw new Error(`no way to ${name} by ${key}; the focus is at ${await focused()}`)
}

async function byKeyboard(page, library) {
  const { keyboard } = page
  await until('the list', async () => (await library.titles()).includes('Alpha'))
  await keyboard.press('Tab')
  await tabTo(page, /^A Skip to the content/)
  await keyboard.press('Enter')
  await keyboard.press('/')
  await keyboard.type('alpha')
  await until('one', async () => `${await library.titles()}` === 'Alpha')
  await tabTo(page, /^A Alpha$/)
  await keyboard.press('Enter')
  const player = new PlayerPart(page)
  await player.element.locator('.start').waitFor()
  await keyboard.press('k')
  await until('it plays', async () => (await player.now()).time > 0.5)
  await tabTo(page, /^BUTTON Settings$/)
  await keyboard.press('Enter')
  await tabTo(page, /Quality/, { key: 'ArrowDown' })
  await keyboard.press('Enter')
  await tabTo(page, /^BUTTON 360p/, { key: 'ArrowDown' })
  await keyboard.press('Enter')
  await keyboard.press('k')
  await until('it is paused', async () => (await player.now()).paused)
  await keyboard.press('Escape')
  await page.goBack()
  await until('the list', async () => (await library.titles()).includes('Alpha'))
  await tabTo(page, /^INPUT Select Alpha$/)
  await keyboard.press('Space')
  await tabTo(page, /^BUTTON Delete$/)
  await keyboard.press('Enter')
  await tabTo(page, /^BUTTON Undo$/)
  await keyboard.press('Enter')
  await until('it is back', async () => (await library.titles()).includes('Alpha'))
}
