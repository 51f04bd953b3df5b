import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'

const MB = 1024 * 1024

// Uppy as its documentation sets it up, with small parts so that there are several of them.
function setUp(endpoint) {
  const uppy = new Uppy({ id: 'films' })
    .use(AwsS3, { companionEndpoint: endpoint, shouldUseMultipart: true, getChunkSize: () => 5 * MB })
    .use(GoldenRetriever, { indexedDB: { maxFileSize: 500 * MB, maxTotalSize: 500 * MB } })
  const parts = []
  uppy.on('s3-multipart:part-uploaded', (_, part) => parts.push(part.PartNumber))
  return { uppy, parts }
}

async function add(uppy, name) {
  const data = await (await fetch('/film')).blob()
  uppy.addFile({ name, type: 'video/mp4', data, meta: { external_id: name } })
}

/** Uploads until `count` parts are there, then pauses; the page can be left. */
window.uploadAndPause = async (endpoint, name, count) => {
  const { uppy, parts } = setUp(endpoint)
  await add(uppy, name)
  const paused = new Promise((done) => {
    uppy.on('s3-multipart:part-uploaded', () => {
      if (parts.length === count) {
        uppy.pauseAll()
        // Uppy stores its list of uploads with a delay.
        setTimeout(done, 1500)
      }
    })
  })
  uppy.upload()
  await paused
  return { parts, progress: uppy.getFiles()[0].progress.percentage }
}

/** After a reload: what was begun is restored, and goes on to its end. */
window.restoreAndFinish = async (endpoint) => {
  const { uppy, parts } = setUp(endpoint)
  await new Promise((done) => uppy.on('restored', done))
  const finished = new Promise((done) => uppy.on('complete', done))
  const files = uppy.getFiles().map((it) => it.name)
  uppy.emit('restore-confirmed')
  const result = await finished
  return {
    files,
    parts,
    successful: result.successful.map((it) => it.uploadURL),
    failed: result.failed.map((it) => it.error),
  }
}

/** Begins, and cancels after the first part. */
window.uploadAndCancel = async (endpoint, name) => {
  const { uppy, parts } = setUp(endpoint)
  await add(uppy, name)
  const first = new Promise((done) => uppy.on('s3-multipart:part-uploaded', done))
  uppy.upload()
  await first
  uppy.cancelAll()
  await new Promise((done) => setTimeout(done, 1000))
  return { parts, files: uppy.getFiles().length }
}

/** What its user sees of a file that Uppy sends whole: because its options do not ask for parts, or because it is empty. */
window.uploadWhole = async (endpoint) => {
  const results = []
  for (const [options, data] of [[{}, await (await fetch('/film')).blob()], [{ shouldUseMultipart: true }, new Blob([])]]) {
    const uppy = new Uppy().use(AwsS3, { companionEndpoint: endpoint, ...options })
    uppy.addFile({ name: 'whole.mp4', type: 'video/mp4', data })
    const result = await uppy.upload()
    results.push({ successful: result.successful.length, failed: result.failed.map((it) => String(it.error)) })
  }
  return results
}

window.ready = true
