// node play.mjs URL [LOUDSPEAKERS]: plays the URL with hls.js in Chromium to its end, switching through the rungs.
// With a number of loudspeakers, only through those that Edgereel's player would play.

import { main, open } from './browser.mjs'

await main(async ([url, loudspeakers]) => {
  const opened = await open('play')
  try {
    const report = await opened.page.evaluate((it) => window.play(...it), [url, 1, Number(loudspeakers ?? 0)])
    return { ...report, log: opened.log }
  } finally {
    await opened.close()
  }
})
