// node captions.mjs URL LANGUAGE: plays the URL with hls.js in Chromium to its end, and reports the captions.

import { main, open } from './browser.mjs'

await main(async ([url, language]) => {
  const opened = await open('captions')
  try {
    const report = await opened.page.evaluate((url, language) => window.play(url, language), url, language)
    return { ...report, log: opened.log }
  } finally {
    await opened.close()
  }
})
