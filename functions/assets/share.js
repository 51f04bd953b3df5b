// Plays what the link of this page plays, and renews the grant while it does.
'use strict'

const video = document.querySelector('video')
const note = document.querySelector('p')
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000))
let hls

/** What the link plays now; waits while the video is being processed. `null`: the link does not work, or will play nothing. */
async function playing() {
  for (;;) {
    const answer = await fetch(location.href, { headers: { accept: 'application/json' } }).catch(() => null)
    if (answer?.status === 200) return answer.json()
    if (answer?.status === 202) {
      const { percent } = await answer.json()
      note.textContent = percent === null ? 'The video is being made.' : `The video is being made: ${percent} %.`
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

/** Sends a fresh grant at half of the life of the last one, for as long as the link works. */
async function renew(url, seconds) {
  for (;;) {
    await pause(seconds / 2)
    const fresh = await playing()
    if (!fresh) return end('This link has ended.')
    const grant = new URL(fresh.hls_url).searchParams.get('grant')
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${grant}` } }).catch(() => null)
    // If it failed, once more soon.
    seconds = answer?.ok ? (await answer.json()).expires_in : 20
  }
}

async function start() {
  const first = await playing()
  if (!first) return end('This link has ended, or there is nothing to play.')
  note.textContent = ''
  if (first.poster_url) video.poster = first.poster_url
  const url = first.hls_url
  if (Hls.isSupported()) {
    hls = new Hls({ maxMaxBufferLength: 30 })
    // A refusal is not mended by trying again: the link has been revoked, or the video is gone.
    hls.on(Hls.Events.ERROR, async (_, { fatal, response }) => {
      if (response?.code === 403) return end((await playing()) ? 'Playback was refused: load this page again.' : 'This link has ended.')
      if (fatal) end('The video cannot be played now: load this page again.')
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  } else {
    video.src = url
    video.onerror = async () => end((await playing()) ? 'The video cannot be played now: load this page again.' : 'This link has ended.')
  }
  await renew(url, (new Date(first.expires_at) - Date.now()) / 1000)
}

start()
