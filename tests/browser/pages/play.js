import Hls from 'hls.js'

// Plays an address to its end, switching through all levels on the way, and tells what happened.
window.play = (url, rate) =>
  new Promise((resolve) => {
    const video = document.createElement('video')
    video.muted = true
    document.body.append(video)
    const told = { errors: [], levels: [], played: [], ended: false, duration: 0, position: 0, frames: 0, dropped: 0 }
    // A small buffer, or a short film would be loaded before anybody can choose.
    const hls = new Hls({ enableWorker: false, maxBufferLength: 4, maxMaxBufferLength: 4 })
    const done = () => {
      const quality = video.getVideoPlaybackQuality()
      Object.assign(told, { duration: video.duration, position: video.currentTime })
      Object.assign(told, { frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames })
      resolve(told)
    }
    hls.on(Hls.Events.ERROR, (_, data) => {
      const frag = data.frag && `${data.frag.type} ${data.frag.sn} of level ${data.frag.level}`
      const reason = String(data.reason ?? data.error ?? '')
      told.errors.push({ type: data.type, details: data.details, fatal: data.fatal, frag, reason })
      if (data.fatal) done()
    })
    hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => {
      told.levels = data.levels.map((it) => it.height)
      video.playbackRate = rate
      video.play()
    })
    hls.on(Hls.Events.FRAG_CHANGED, (_, data) => {
      if (data.frag.type !== 'main') return
      told.played.push(hls.levels[data.frag.level].height)
      // Every rung in turn, as a viewer chooses in a menu; what is buffered is played first.
      if (data.frag.sn % 3 === 2) hls.loadLevel = (data.frag.level + 1) % hls.levels.length
    })
    video.addEventListener('ended', () => {
      told.ended = true
      done()
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  })

window.ready = true
