// node play.mjs URL: plays it with hls.js in Chromium to its end, switching through the rungs.

import { main, open } from './browser.mjs'

await main(async ([url]) => {
  const opened = await open('play')
  try {
    const told = await opened.page.evaluate((url) => window.play(url, 1), url)
    return { ...told, log: opened.log }
  } finally {
    await opened.close()
  }
})
