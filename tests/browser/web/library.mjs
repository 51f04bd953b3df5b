// Scrolls through a long library: no row stays blank, and each row is the one that the API has there.
//
// Arguments: the link that signs in, and a token. Prints what it saw as JSON.

import assert from 'node:assert/strict'
import { openApp } from './app.mjs'
import { LibraryPage } from './pages.mjs'

const [link, token] = process.argv.slice(2)
const origin = new URL(link).origin
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const PATIENCE = { timeout: 60_000 }
/** Places of the list, as parts of its height, in the order of the visits. */
const PLACES = [0.5, 1, 0.25, 0, 0.73]

const call = async (path, options) => {
  const response = await fetch(new URL(path, origin), { headers, ...options })
  assert.ok(response.ok, `${path}: ${response.status}`)
  return response.json()
}

/** The ids of all videos, in the order of the API. */
async function inOrder(sort) {
  const ids = []
  for (let cursor = ''; ; ) {
    const page = await call(`/v1/videos?limit=200&sort=${sort}${cursor}`)
    ids.push(...page.videos.map((it) => it.id))
    if (!page.next_cursor) return ids
    cursor = `&cursor=${page.next_cursor}`
  }
}

/** The rows of the page, and whether they fill the screen. */
const look = (page) =>
  page.evaluate(() => {
    const rows = [...document.querySelectorAll('.video-card, .video-row:not(.head)')]
    const list = document.querySelector('.list-box').getBoundingClientRect()
    const box = document.querySelector('.list-window')
    const boxes = rows.map((it) => it.getBoundingClientRect())
    const columns = boxes.filter((it) => it.top === boxes[0].top).length
    const below = boxes.find((it) => it.top > boxes[0].top)
    const rowHeight = below ? below.top - boxes[0].top : boxes[0].height
    const missing = [...document.querySelectorAll('.video-missing')].map((it) =>
      it.getBoundingClientRect(),
    )
    return {
      ids: rows.map((it) => it.querySelector('a[href^="/videos/"]').getAttribute('href').slice(8)),
      first: Math.round((box.getBoundingClientRect().top - list.top) / rowHeight) * columns,
      isFilled:
        boxes[0].top <= Math.max(0, list.top) + 1 &&
        // Below the last cards is a gap.
        boxes.at(-1).bottom >= Math.min(innerHeight, list.bottom - 24) - 1,
      blank:
        missing.filter((it) => it.bottom > 0 && it.top < innerHeight).length +
        rows.filter((it) => !it.querySelector('.video-title').textContent.trim()).length,
      nodes: document.querySelectorAll('*').length,
    }
  })

const app = await openApp(origin)
const { page, errors } = app
await page.addInitScript(() => {
  globalThis.tasks = []
  new PerformanceObserver((list) => {
    tasks.push(...list.getEntries().map((it) => Math.round(it.duration)))
  }).observe({ type: 'longtask' })
})
await page.goto(link)
const library = new LibraryPage(page)
await page.locator('.video-card').first().waitFor(PATIENCE)
const report = { videos: await library.count(), visits: [], nodes: 0, rows: 0, longTasks: [] }

/** Goes to a place at once, as the scroll bar does, and checks what is there. */
async function visit(order, view, place) {
  const began = performance.now()
  await page.evaluate((place) => {
    scrollTo({ top: place * (document.documentElement.scrollHeight - innerHeight) })
  }, place)
  await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll('.video-card, .video-row:not(.head)')]
    const missing = [...document.querySelectorAll('.video-missing')]
    const isSeen = (it) => {
      const { top, bottom } = it.getBoundingClientRect()
      return bottom > 0 && top < innerHeight
    }
    return rows.some(isSeen) && !missing.some(isSeen)
  }, null, PATIENCE)
  const seen = await look(page)
  const what = `${view} at ${place}`
  assert.equal(seen.blank, 0, `${what}: blank rows`)
  assert.ok(seen.isFilled, `${what}: the screen is not full`)
  assert.deepEqual(seen.ids, order.slice(seen.first, seen.first + seen.ids.length), `${what}: rows`)
  if (place === 1) assert.equal(seen.ids.at(-1), order.at(-1), `${what}: the last video`)
  const middle = seen.first + seen.ids.length / 2
  assert.ok(Math.abs(middle / order.length - place) < 0.02, `${what}: row ${middle}`)
  report.nodes = Math.max(report.nodes, seen.nodes)
  report.rows = Math.max(report.rows, seen.ids.length)
  report.visits.push({ what, ms: Math.round(performance.now() - began) })
}

const newest = await inOrder('-created_at')
for (const view of ['Grid', 'Table']) {
  await page.reload()
  await page.locator('.video-title').first().waitFor(PATIENCE)
  await library.filter(view)
  for (const place of PLACES) await visit(newest, view, place)
}
// A wheel that does not stop.
for (let turn = 0; turn < 60; turn += 1) await page.mouse.wheel(0, 4_000)
await visit(newest, 'Table', 0)

await page.getByLabel('Order', { exact: true }).selectOption('title')
const byTitle = await inOrder('title')
await page.waitForFunction(
  (id) => document.querySelector(`.video-title`)?.getAttribute('href')?.includes(id),
  byTitle[0],
  PATIENCE,
)
for (const place of [0.5, 1]) await visit(byTitle, 'by title', place)
report.longTasks = await page.evaluate(() => tasks.sort((a, b) => b - a).slice(0, 10))

// A change shows up where the video is, and one of a video that is not loaded changes nothing.
await page.reload()
await page.locator('.video-title').first().waitFor(PATIENCE)
await page.waitForTimeout(1_500)
const rename = (id, title) => {
  const body = JSON.stringify({ title })
  return call(`/v1/videos/${id}`, { method: 'PATCH', body })
}
await rename(newest.at(-1), 'Renamed far below')
for (const id of newest.slice(0, 40)) await rename(id, `Renamed ${id}`)
await page.getByText(`Renamed ${newest[0]}`).first().waitFor(PATIENCE)
const { ids } = await look(page)
assert.deepEqual(ids, newest.slice(0, ids.length), 'changes move nothing')
assert.equal(await library.count(), report.videos)

await library.search('zanzibar')
await page.waitForFunction(
  () => [...document.querySelectorAll('.video-title')].every((it) => /^Zanzibar/.test(it.textContent)),
  null,
  PATIENCE,
)
report.found = await library.count()

// A search of a large library has short pages, also an empty one: the app continues until the list ends.
const { videos } = await call('/v1/videos?q=zanzibar&limit=200')
const next = new Map([
  [null, { videos: [], next_cursor: 'one' }],
  ['one', { videos: videos.slice(0, 1), next_cursor: 'two' }],
  ['two', { videos: [], next_cursor: 'three' }],
  ['three', { videos: videos.slice(1), next_cursor: null }],
])
let proceed
const isSeen = new Promise((resolve) => (proceed = resolve))
await page.route(/\/v1\/videos\?.*q=slowly/, async (route) => {
  const cursor = new URL(route.request().url()).searchParams.get('cursor')
  if (cursor === 'three') await isSeen
  await route.fulfill({ json: { ...next.get(cursor), total: 0, total_is_lower_bound: true } })
})
await library.search('slowly')
await page.getByText('Searching further videos: 1 video so far').waitFor(PATIENCE)
assert.deepEqual((await look(page)).ids, [videos[0].id])
proceed()
await page.getByText('Searching further videos').waitFor({ state: 'detached', ...PATIENCE })
assert.deepEqual(
  (await look(page)).ids,
  videos.map((it) => it.id),
)
assert.equal(await library.count(), videos.length)
await app.close()
assert.deepEqual(errors, [])
console.log(JSON.stringify(report))
