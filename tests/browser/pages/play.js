import Hls from 'hls.js'
import { keepSuitable } from '../../../web/src/player/surround.ts'

// Plays a URL to its end, switching through all levels on the way, and reports the result. `loudspeakers`: as
// Edgereel's player plays it on so many; 0: with all levels.
window.play = (url, rate, loudspeakers) =>
  new Promise((resolve) => {
    const video = document.createElement('video')
    video.muted = true
    document.body.append(video)
    const report = { errors: [], rash: [], levels: [], tracks: [], groups: [], played: [], ended: false, duration: 0, position: 0, frames: 0, dropped: 0 }
    // A small buffer; otherwise a short film would be loaded before the rungs can be switched.
    const hls = new Hls({ enableWorker: false, maxBufferLength: 4, maxMaxBufferLength: 4 })
    let turn = 0
    const weighing = []
    const done = async () => {
      await Promise.all(weighing)
      const quality = video.getVideoPlaybackQuality()
      Object.assign(report, { duration: video.duration, position: video.currentTime })
      Object.assign(report, { frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames })
      resolve(report)
    }
    // When one buffer is done, hls.js 1.7 checks both buffers for the fragment, although the
    // `updateend` of the other may still be pending. A moment later the check is reliable: a
    // fragment that is there then was never missing.
    const weigh = async (error, { start, end }) => {
      await new Promise((resolve) => setTimeout(resolve, 500))
      const middle = (start + end) / 2
      const ranges = Array.from({ length: video.buffered.length }, (_, at) => [video.buffered.start(at), video.buffered.end(at)])
      const there = ranges.some(([from, to]) => from <= middle && middle <= to)
      ;(there ? report.rash : report.errors).push(error)
    }
    hls.on(Hls.Events.ERROR, (_, data) => {
      const frag = data.frag && `${data.frag.type} ${data.frag.sn} of level ${data.frag.level}`
      const reason = String(data.reason ?? data.error ?? '')
      const error = { type: data.type, details: data.details, fatal: data.fatal, frag, reason }
      if (data.details === Hls.ErrorDetails.BUFFER_APPEND_NO_PROGRESS) return weighing.push(weigh(error, data.frag))
      report.errors.push(error)
      if (data.fatal) done()
    })
    hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => {
      if (loudspeakers > 0) keepSuitable(hls, data, () => loudspeakers)
      report.levels = hls.levels.map((it) => it.height)
      video.playbackRate = rate
      video.play()
    })
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, data) => {
      report.tracks = data.audioTracks.map((it) => `${it.name} ${it.lang}`)
    })
    hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, (_, data) => {
      const group = `${data.groupId} ${data.channels}`
      if (!report.groups.includes(group)) report.groups.push(group)
    })
    hls.on(Hls.Events.FRAG_CHANGED, (_, data) => {
      if (data.frag.type !== 'main') return
      report.played.push(hls.levels[data.frag.level].height)
      // Every rung in turn, as with a connection whose bandwidth varies: fragments that are being
      // loaded still count.
      if (data.frag.sn % 3 === 2) hls.nextAutoLevel = turn++ % hls.levels.length
    })
    video.addEventListener('ended', () => {
      report.ended = true
      done()
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  })

window.ready = true
