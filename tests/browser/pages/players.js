import { play } from 'the-program'

// Plays a URL with the program of the docs, and reports the result.
window.watch = async (url, seconds, limit) => {
  const video = document.createElement('video')
  video.muted = true
  document.body.append(video)
  const began = performance.now()
  const now = () => Math.round((performance.now() - began) / 100) / 10
  const report = { errors: [], stalls: [], skips: [], ended: false, firstError: null }
  const fail = (what) => {
    report.errors.push(`${what} at ${now()} s`)
    report.firstError ??= now()
  }
  let playing = false
  const over = new Promise((done) => {
    video.addEventListener('playing', () => (playing = true))
    video.addEventListener('waiting', () => playing && report.stalls.push(`${video.currentTime.toFixed(2)} s at ${now()} s`))
    video.addEventListener('ended', () => done((report.ended = true)))
    // Between two updates, the position moves as far as the clock: further means that media was skipped.
    let last = { position: 0, at: performance.now() }
    video.addEventListener('timeupdate', () => {
      const next = { position: video.currentTime, at: performance.now() }
      const ahead = next.position - last.position - (next.at - last.at) / 1000
      if (ahead > 0.5) report.skips.push(`${last.position.toFixed(2)} to ${next.position.toFixed(2)} s`)
      last = next
    })
    setTimeout(done, limit * 1000)
  })
  const fresh = async () => {
    const answer = await fetch('/fresh')
    if (!answer.ok) throw new Error('no fresh grant')
    return answer.text()
  }
  const player = await play(video, url, fresh, seconds)
  // hls.js and video.js have `on`, Shaka and the element itself `addEventListener`.
  if (player.loadSource) player.on('hlsError', (_, it) => fail(`${it.details}${it.fatal ? ', fatal' : ''}`))
  else if (player.tech) player.on('error', () => fail(player.error()?.message))
  else if (player === video) video.addEventListener('error', () => fail(video.error?.message))
  else player.addEventListener('error', ({ detail }) => fail(`${detail.code}, severity ${detail.severity}`))
  video.play().catch((error) => fail(error.message))
  await over
  const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality()
  return { ...report, position: video.currentTime, frames, dropped }
}

window.ready = true
