import Hls from 'hls.js'

// Plays an address to its end, switching through all levels on the way, and tells what happened.
window.play = (url, rate) =>
  new Promise((resolve) => {
    const video = document.createElement('video')
    video.muted = true
    document.body.append(video)
    const told = { errors: [], levels: [], played: [], ended: false, duration: 0, position: 0, frames: 0, dropped: 0 }
    const hls = new Hls({ enableWorker: false })
    const done = () => {
      const quality = video.getVideoPlaybackQuality()
      Object.assign(told, { duration: video.duration, position: video.currentTime })
      Object.assign(told, { frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames })
      resolve(told)
    }
    hls.on(Hls.Events.ERROR, (_, data) => {
      told.errors.push({ type: data.type, details: data.details, fatal: data.fatal, reason: String(data.reason ?? data.error ?? '') })
      if (data.fatal) done()
    })
    hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => {
      told.levels = data.levels.map((it) => it.height)
      video.playbackRate = rate
      video.play()
    })
    hls.on(Hls.Events.FRAG_LOADED, (_, data) => {
      // Each fragment of another rung than the one before: as a network does that cannot make up its mind.
      if (data.frag.type === 'main') hls.nextLoadLevel = (data.frag.level + 1) % hls.levels.length
    })
    hls.on(Hls.Events.FRAG_CHANGED, (_, data) => {
      if (data.frag.type === 'main') told.played.push(hls.levels[data.frag.level].height)
    })
    video.addEventListener('ended', () => {
      told.ended = true
      done()
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  })

window.ready = true
