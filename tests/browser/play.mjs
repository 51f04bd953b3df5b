// node play.mjs URL: plays the URL with hls.js in Chromium to its end, switching through the rungs.

import { main, open } from './browser.mjs'

await main(async ([url]) => {
  const opened = await open('play')
  try {
    const report = await opened.page.evaluate((url) => window.play(url, 1), url)
    return { ...report, log: opened.log }
  } finally {
    await opened.close()
  }
})
