import Hls from 'hls.js'
import shaka from 'shaka-player'
import videojs from 'video.js'

// Each player: starts, and returns what it sees: the number of audio tracks, the captions' languages, and how to show them.
const PLAYERS = {
  'hls.js': async (video, url, fail) => {
    const hls = new Hls({ enableWorker: false })
    hls.on(Hls.Events.ERROR, (_, { details, fatal }) => {
      // hls.js 1.7 reports fragments early, whose other buffer is not done yet; a real gap stalls the player.
      if (fatal || details === 'bufferAppendError') fail(details)
    })
    hls.loadSource(url)
    hls.attachMedia(video)
    return {
      audio: () => new Set(hls.audioTracks.map((it) => it.name)).size,
      captions: () => hls.subtitleTracks.map((it) => it.lang),
      cues: () => native(video),
      show: () => {
        hls.subtitleDisplay = true
        hls.subtitleTrack = 0
      },
      end: () => hls.destroy(),
    }
  },
  'Shaka Player': async (video, url, fail) => {
    const player = new shaka.Player()
    player.addEventListener('error', ({ detail }) => fail(`code ${detail.code}`))
    // Shaka Player 5.2 loses the captions of transport streams if they are selected after all of the video was loaded,
    // and this video is short.
    player.configure('preferredText', [{ language: 'de' }])
    await player.attach(video)
    player.load(url).catch((error) => fail(`code ${error.code}`))
    return {
      audio: () => new Set(player.getVariantTracks().map((it) => it.language)).size,
      captions: () => player.getTextTracks().map((it) => it.language),
      cues: () => native(video),
      show: () => player.selectTextTrack(player.getTextTracks()[0]),
      end: () => player.destroy(),
    }
  },
  'video.js': async (video, url, fail) => {
    const player = videojs(video, { muted: true })
    player.on('error', () => fail(player.error()?.message))
    player.src({ src: url, type: 'application/x-mpegURL' })
    const captions = () => Array.from(player.textTracks()).filter((it) => it.kind === 'subtitles' || it.kind === 'captions')
    return {
      audio: () => player.audioTracks().length,
      captions: () => captions().map((it) => it.language),
      // video.js renders captions itself.
      cues: () => Math.max(...captions().map((it) => it.cues?.length ?? 0), 0),
      show: () => (captions()[0].mode = 'showing'),
      end: () => player.dispose(),
    }
  },
}

/** The number of cues in the tracks of a video element. */
const native = (video) => Math.max(...Array.from(video.textTracks).map((it) => it.cues?.length ?? 0), 0)

/** Plays a URL to its end. `limit`: milliseconds after which to give up. */
async function play(name, url, limit) {
  const video = document.createElement('video')
  video.muted = true
  document.body.append(video)
  const report = { player: name, error: null, ended: false, position: 0, frames: 0, height: 0, audio: 0, captions: [], cues: 0 }
  let over
  const until = new Promise((done) => (over = done))
  const fail = (what) => {
    report.error ??= String(what)
    over()
  }
  const player = await PLAYERS[name](video, url, fail)
  // As a viewer does, once it plays: before that, hls.js selects the default itself.
  let shown = false
  const cues = setInterval(() => {
    if (!shown && video.currentTime > 0 && player.captions().length > 0) player.show((shown = true))
    report.cues = Math.max(report.cues, player.cues())
    // What is there is known by the time the video ends, at which some players forget it.
    report.audio = Math.max(report.audio, player.audio())
    if (player.captions().length > report.captions.length) report.captions = player.captions()
  }, 50)
  video.addEventListener('ended', () => {
    report.ended = true
    over()
  })
  const starting = setInterval(() => {
    video.playbackRate = 2
    if (video.paused && !video.ended) video.play().catch(() => {})
  }, 100)
  setTimeout(() => fail('it does not reach the end'), limit)
  await until
  clearInterval(starting)
  clearInterval(cues)
  Object.assign(report, { position: video.currentTime, height: video.videoHeight })
  report.frames = video.getVideoPlaybackQuality().totalVideoFrames
  await player.end()
  video.remove()
  return report
}

window.play = async (url, limit) => Object.fromEntries(await Promise.all(Object.keys(PLAYERS).map(async (it) => [it, await play(it, url, limit)])))

/** Whether the browser decodes a codec in fragmented MP4. */
window.decodes = (type) => MediaSource.isTypeSupported(type)

window.ready = true
