// node upload.mjs ENDPOINT FILE [PORT]: an unmodified Uppy uploads, pauses, survives a reload, resumes, and cancels. PORT is
// that of the page's origin; any free one if it is not given.

import { main, open } from './browser.mjs'

await main(async ([endpoint, file, port]) => {
  const opened = await open('upload', { files: { '/film': file }, port: Number(port ?? 0) })
  const call = (name, ...values) =>
    opened.page.evaluate((name, values) => window[name](...values), name, values)
  try {
    const paused = await call('uploadAndPause', endpoint, 'resumed.mp4', 2)
    await opened.reload()
    const finished = await call('restoreAndFinish', endpoint)
    await opened.reload()
    const cancelled = await call('uploadAndCancel', endpoint, 'cancelled.mp4')
    await opened.reload()
    const whole = await call('uploadWhole', endpoint)
    return { paused, finished, cancelled, whole, log: opened.log }
  } finally {
    await opened.close()
  }
})
