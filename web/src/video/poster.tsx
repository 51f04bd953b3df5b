// The poster: a moment of the video, or an image.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { apiFetch, client, type Video } from '../api/client'
import { may } from '../api/session'
import { clock } from '../format'
import { type Tile, tilesOf } from '../player/vtt'
import { texts } from '../texts'
import { Button, Dialog } from '../ui/kit'
import { attempt } from '../ui/toast'
import { Frame } from './frame'
import { hasOnlyAudio } from './names'

const t = texts.video.poster
const MOST_TILES = 48
const TILE_WIDTH = 150

export function PosterPicker({ video, again }: { video: Video; again: () => Promise<void> }) {
  const isOpen = useSignal(false)
  const file = useRef<HTMLInputElement>(null)
  const path = { params: { path: { video: video.id } } }
  const run = (request: Promise<unknown>, done: string) => {
    isOpen.value = false
    void attempt(request, done).then(again)
  }
  const send = (image: File) =>
    run(apiFetch(`/v1/videos/${video.id}/poster`, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: image }), t.set)
  const { status, failure } = video.poster
  const isAudio = hasOnlyAudio(video)
  return (
    <section class="card">
      <h2>{t.title}</h2>
      <p class="muted small">{t.statuses[status]}</p>
      {failure && <p class="bad small">{failure.message}</p>}
      <div class="row poster-buttons">
        {!isAudio && (
          <Button size="small" icon="film" onClick={() => (isOpen.value = true)}>
            {t.moment}
          </Button>
        )}
        <Button size="small" icon="image" onClick={() => file.current?.click()}>
          {t.image}
        </Button>
        {status !== 'automatic' && (
          <Button size="small" kind="plain" onClick={() => run(client.DELETE('/v1/videos/{video}/poster', path), t.reset)}>
            {t.automatic}
          </Button>
        )}
      </div>
      <input
        ref={file}
        type="file"
        accept="image/jpeg,image/png,image/webp"
        hidden
        aria-label={t.image}
        onChange={(event) => {
          const image = event.currentTarget.files?.[0]
          if (image) send(image)
          event.currentTarget.value = ''
        }}
      />
      {isOpen.value && (
        <Moments
          video={video}
          onClose={() => (isOpen.value = false)}
          onChoose={(at) => run(client.PUT('/v1/videos/{video}/poster', { ...path, body: { at } }), t.set)}
        />
      )}
    </section>
  )
}

function Moments({ video, onChoose, onClose }: { video: Video; onChoose: (at: number) => void; onClose: () => void }) {
  const tiles = useSignal<Tile[]>([])
  const at = useSignal(0)
  useEffect(() => {
    const load = async () => {
      const found = await client.GET('/v1/videos/{video}/stream', { params: { path: { video: video.id } } })
      const url = found.data && 'storyboard_url' in found.data ? found.data.storyboard_url : null
      if (!url) return
      const all = tilesOf(await (await fetch(url)).text(), url)
      const step = Math.max(1, Math.ceil(all.length / MOST_TILES))
      tiles.value = all.filter((_, index) => index % step === 0)
    }
    load().catch(() => {})
  }, [])
  return (
    <Dialog title={t.moment} onClose={onClose} isWide>
      <div class="moments">
        {tiles.value.map((tile) => {
          const scale = TILE_WIDTH / tile.width
          return (
            <button type="button" key={tile.start} aria-pressed={at.value === tile.start} aria-label={t.momentAt(clock(tile.start))} onClick={() => (at.value = tile.start)}>
              <span class="moment" style={{ height: `${tile.height * scale}px` }}>
                <img src={tile.url} alt="" style={{ transform: `scale(${scale}) translate(${-tile.x}px, ${-tile.y}px)` }} />
              </span>
              <span class="small number">{clock(tile.start)}</span>
            </button>
          )
        })}
      </div>
      <label class="field">
        <span>{t.exact}</span>
        <input
          class="input"
          type="number"
          min={0}
          max={video.duration_seconds ?? undefined}
          step={0.1}
          value={at.value}
          onInput={(event) => (at.value = event.currentTarget.valueAsNumber || 0)}
        />
      </label>
      {may('play') && video.state === 'ready' && <Frame video={video.id} at={at.value} />}
      <div class="actions">
        <Button onClick={onClose}>{texts.cancel}</Button>
        <Button kind="primary" onClick={() => onChoose(at.value)}>
          {t.use}
        </Button>
      </div>
    </Dialog>
  )
}
