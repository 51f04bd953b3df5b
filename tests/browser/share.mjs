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
    // In the shadow tree of the player, whose changes `waitForSelector` does not see.
    const find = (selector) =>
      page.waitForFunction(
        (it) => document.querySelector('edgereel-player')?.shadowRoot?.querySelector(it),
        { timeout: 100_000, polling: 100 },
        selector,
      )
    await (await find('button.start')).click()
    const video = await find('video')
    await page.waitForFunction((it) => it.currentTime > 3, { timeout: 60_000 }, video)
    const played = { log: [...log], origins: [...origins] }
    const answer = await fetch(revoke, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    const revoked = Date.now()
    const note = await (await find('[role="alert"]')).evaluate((it) => it.textContent)
    const seconds = (Date.now() - revoked) / 1000
    return { played, status: answer.status, seconds, note, plays: await video.evaluate((it) => !it.paused) }
  } finally {
    await browser.close()
  }
})
