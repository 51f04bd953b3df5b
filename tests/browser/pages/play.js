import Hls from 'hls.js'

// Plays an address to its end, switching through all levels on the way, and tells what happened.
window.play = (url, rate) =>
  new Promise((resolve) => {
    const video = document.createElement('video')
    video.muted = true
    document.body.append(video)
    const told = { errors: [], rash: [], levels: [], played: [], ended: false, duration: 0, position: 0, frames: 0, dropped: 0 }
    // A small buffer, or a short film would be loaded before anybody can choose.
    const hls = new Hls({ enableWorker: false, maxBufferLength: 4, maxMaxBufferLength: 4 })
    let turn = 0
    const weighing = []
    const done = async () => {
      await Promise.all(weighing)
      const quality = video.getVideoPlaybackQuality()
      Object.assign(told, { duration: video.duration, position: video.currentTime })
      Object.assign(told, { frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames })
      resolve(told)
    }
    // hls.js 1.7 looks whether a fragment is in one buffer when the other is done, while the `updateend` of the first may
    // still be on its way. A moment later there is no doubt: what is there then was never missing.
    const weigh = async (error, { start, end }) => {
      await new Promise((resolve) => setTimeout(resolve, 500))
      const middle = (start + end) / 2
      const ranges = Array.from({ length: video.buffered.length }, (_, at) => [video.buffered.start(at), video.buffered.end(at)])
      const there = ranges.some(([from, to]) => from <= middle && middle <= to)
      ;(there ? told.rash : told.errors).push(error)
    }
    hls.on(Hls.Events.ERROR, (_, data) => {
      const frag = data.frag && `${data.frag.type} ${data.frag.sn} of level ${data.frag.level}`
      const reason = String(data.reason ?? data.error ?? '')
      const error = { type: data.type, details: data.details, fatal: data.fatal, frag, reason }
      if (data.details === Hls.ErrorDetails.BUFFER_APPEND_NO_PROGRESS) return weighing.push(weigh(error, data.frag))
      told.errors.push(error)
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
      // Every rung in turn, as a connection that gets better and worse would have it: what is on its way still counts.
      if (data.frag.sn % 3 === 2) hls.nextAutoLevel = turn++ % hls.levels.length
    })
    video.addEventListener('ended', () => {
      told.ended = true
      done()
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  })

window.ready = true
