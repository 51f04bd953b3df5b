// Images of pages, for the documentation.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = process.env.EDGEREEL_SCREENSHOTS

/** Writes the visible part of a page as WebP, if images are wanted. */
export async function screenshot(page, name) {
  if (!folder) return
  await page.mouse.move(0, 0)
  await page.evaluate(() => document.fonts.ready)
  // Images that load late, and transitions.
  await page.waitForTimeout(300)
  const session = await page.context().newCDPSession(page)
  const options = { format: 'webp', quality: 82 }
  const { data } = await session.send('Page.captureScreenshot', options)
  await session.detach()
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${name}.webp`), Buffer.from(data, 'base64'))
}
