// node share.mjs LINK REVOKE TOKEN: opens the page of a share link, plays, revokes the link by a
// DELETE of REVOKE, and waits until the page reports that it has ended.

import { launch, main } from './browser.mjs'

await main(async ([link, revoke, token]) => {
  const browser = await launch()
  try {
    const page = await browser.newPage()
    const log = []
    const origins = new Set()
    page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => log.push(`error: ${error.message}`))
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol.startsWith('http')) origins.add(origin)
    })
    await page.goto(link)
    await page.evaluate(() => document.querySelector('video').play())
    await page.waitForFunction(() => document.querySelector('video').currentTime > 3, { timeout: 60_000 })
    const played = { log: [...log], origins: [...origins], note: await page.$eval('p', (it) => it.textContent) }
    const answer = await fetch(revoke, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    const revoked = Date.now()
    await page.waitForFunction(() => document.querySelector('p').textContent, { timeout: 100_000 })
    const seconds = (Date.now() - revoked) / 1000
    const note = await page.$eval('p', (it) => it.textContent)
    const plays = await page.$eval('video', (it) => it.currentSrc !== '' && !it.paused)
    return { played, status: answer.status, seconds, note, plays }
  } finally {
    await browser.close()
  }
})
