// Plays the video of this share link, and renews the grant during playback.
'use strict'

const video = document.querySelector('video')
const note = document.querySelector('p')
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000))
let hls

/** The playback URLs of the link; waits while the video is processed. `null`: the link or the video is not available. */
async function playing() {
  for (;;) {
    const answer = await fetch(location.href, { headers: { accept: 'application/json' } }).catch(() => null)
    if (answer?.status === 200) return answer.json()
    if (answer?.status === 202) {
      const { percent } = await answer.json()
      note.textContent = percent === null ? 'The video is being processed.' : `The video is being processed: ${percent} %.`
    } else if (answer && answer.status < 500 && answer.status !== 429) {
      return null
    }
    await pause(answer?.headers.get('retry-after') ?? 5)
  }
}

function end(text) {
  hls?.destroy()
  video.removeAttribute('src')
  video.load()
  note.textContent = text
}

/** Sends a fresh grant after half of the lifetime of the last one, as long as the link works. */
async function renew(url, seconds) {
  for (;;) {
    await pause(seconds / 2)
    const fresh = await playing()
    if (!fresh) return end('This link has expired or was revoked.')
    const grant = new URL(fresh.hls_url).searchParams.get('grant')
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${grant}` } }).catch(() => null)
    // After a failure, retry soon.
    seconds = answer?.ok ? (await answer.json()).expires_in : 20
  }
}

async function start() {
  const first = await playing()
  if (!first) return end('This link has expired or was revoked, or the video is not available.')
  note.textContent = ''
  if (first.poster_url) video.poster = first.poster_url
  const url = first.hls_url
  if (Hls.isSupported()) {
    hls = new Hls({ maxMaxBufferLength: 30 })
    // Retrying does not help after a rejection: the link was revoked, or the video was deleted.
    hls.on(Hls.Events.ERROR, async (_, { fatal, response }) => {
      if (response?.code === 403) return end((await playing()) ? 'Playback was rejected: reload this page.' : 'This link has expired or was revoked.')
      if (fatal) end('The video cannot be played now: reload this page.')
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  } else {
    video.src = url
    video.onerror = async () => end((await playing()) ? 'The video cannot be played now: reload this page.' : 'This link has expired or was revoked.')
  }
  await renew(url, (new Date(first.expires_at) - Date.now()) / 1000)
}

start()
