// A frame of a video as an image, which the API makes at its first request.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../texts'
import { clock } from '../format'

/** The time may change with every key: an image is requested when it has rested. */
const REST_MS = 400
/** Pause after a response that the image takes longer. */
const RETRY_MS = 2000
const MOST_RETRIES = 10
const WIDTH = 640

export function Frame({ video, at }: { video: string; at: number }) {
  const shown = useSignal(at)
  const attempt = useSignal(0)
  useEffect(() => {
    const timer = setTimeout(() => {
      shown.value = at
      attempt.value = 0
    }, REST_MS)
    return () => clearTimeout(timer)
  }, [at])
  const retry = () => {
    const [time, count] = [shown.value, attempt.value + 1]
    if (count > MOST_RETRIES) return
    setTimeout(() => {
      if (shown.value === time) attempt.value = count
    }, RETRY_MS)
  }
  const url = `/v1/videos/${encodeURIComponent(video)}/thumbnail?time=${shown.value}&width=${WIDTH}`
  // A new element requests the image again.
  return <img class="frame" key={`${url} ${attempt.value}`} src={url} alt={texts.video.poster.momentAt(clock(shown.value))} onError={retry} />
}
