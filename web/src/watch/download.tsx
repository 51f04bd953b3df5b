// Downloads the video as an MP4 file. The first request for a file makes it, in seconds to minutes.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { client, data } from '../api/client'
import { texts } from '../texts'
import { Button } from '../ui/kit'
import { attempt, toast } from '../ui/toast'

const t = texts.watch
const PAUSE_MS = 1000

export function DownloadButton({ video }: { video: string }) {
  const isBusy = useSignal(false)
  const isGone = useRef(false)
  useEffect(() => () => void (isGone.current = true), [])
  const run = async () => {
    isBusy.value = true
    await attempt(download(video, () => isGone.current))
    isBusy.value = false
  }
  return (
    <Button icon="download" disabled={isBusy.value} aria-busy={isBusy.value} onClick={() => void run()}>
      {isBusy.value ? t.preparing : t.download}
    </Button>
  )
}

/** Requests the file, waits until it exists, and lets the browser save it. */
async function download(video: string, isGone: () => boolean): Promise<void> {
  const path = { params: { path: { video } } }
  let file = await data(client.POST('/v1/videos/{video}/downloads', { ...path, body: {} }))
  const { rung } = file
  while (file.status === 'pending') {
    await new Promise((done) => setTimeout(done, PAUSE_MS))
    if (isGone()) return
    const { downloads } = await data(client.GET('/v1/videos/{video}/downloads', path))
    // Without the file in the list, the video was re-encoded meanwhile.
    const found = downloads.find((it) => it.rung === rung)
    file = found ?? (await data(client.POST('/v1/videos/{video}/downloads', { ...path, body: {} })))
  }
  if (file.url) location.assign(file.url)
  else toast(file.failure?.message ?? t.notMade, { isBad: true })
}
