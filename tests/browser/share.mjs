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
    // In the shadow tree of the player.
    const video = await page.waitForSelector('edgereel-player >>> video')
    await (await page.waitForSelector('edgereel-player >>> button.start')).click()
    const plays = (from) => page.waitForFunction((it, from) => it.currentTime > from, { timeout: 60_000 }, video, from)
    await plays(3)
    const notice = 'edgereel-player >>> [role="alert"]'
    const played = { log: [...log], origins: [...origins], notices: (await page.$$(notice)).length }
    const answer = await fetch(revoke, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    const revoked = Date.now()
    const alert = await page.waitForSelector(notice, { timeout: 100_000 })
    const seconds = (Date.now() - revoked) / 1000
    const note = await alert.evaluate((it) => it.textContent)
    return { played, status: answer.status, seconds, note, plays: await video.evaluate((it) => !it.paused) }
  } finally {
    await browser.close()
  }
})
