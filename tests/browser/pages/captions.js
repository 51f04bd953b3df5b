import Hls from 'hls.js'

// Plays a URL to its end with the captions of a language, and reports the captions that were shown, each with the first
// and the last position at which it was seen.
window.play = (url, language) =>
  new Promise((resolve) => {
    const video = document.createElement('video')
    video.muted = true
    document.body.append(video)
    const report = { errors: [], tracks: [], shown: [], ended: false }
    const hls = new Hls({ enableWorker: false })
    hls.on(Hls.Events.ERROR, (_, { type, details, fatal, error }) => {
      // The choice of captions ends a load of others that had begun.
      if (details === Hls.ErrorDetails.INTERNAL_ABORTED && !fatal) return
      report.errors.push({ type, details, fatal, error: String(error) })
      if (fatal) resolve(report)
    })
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      video.playbackRate = 2
      video.play()
    })
    hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) => {
      report.tracks = subtitleTracks.map((it) => ({
        language: it.lang,
        name: it.name,
        default: it.default,
        forced: it.forced,
        characteristics: it.characteristics ?? null,
      }))
    })
    // As a viewer does, once it plays: before that, hls.js selects the default itself.
    const choose = () => {
      hls.subtitleDisplay = true
      hls.subtitleTrack = report.tracks.findIndex((it) => it.language === language)
    }
    video.addEventListener('playing', choose, { once: true })
    const look = () => {
      const showing = [...video.textTracks].filter((it) => it.mode === 'showing')
      for (const { text, line } of showing.flatMap((it) => [...(it.activeCues ?? [])])) {
        const seen = report.shown.find((it) => it.text === text)
        if (seen) seen.to = video.currentTime
        else report.shown.push({ text, line, from: video.currentTime, to: video.currentTime })
      }
      if (!video.ended) requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
    video.addEventListener('ended', () => {
      report.ended = true
      resolve(report)
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  })

window.ready = true
