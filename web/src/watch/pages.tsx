// The pages that play: `/watch/{video}`, `/embed/{video}`, `/shared/{secret}`.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { client, data, type Video } from '../api/client'
import { known, may } from '../api/session'
import { ago, bytes, duration } from '../format'
import { texts } from '../texts'
import { Icon } from '../ui/icon'
import { useLoaded } from '../ui/load'
import { useTitle } from '../ui/page'
import { nameOf } from '../video/names'
import { DownloadButton } from './download'
import { Player } from './player'
import './watch.css'

const t = texts.watch
/** The player renews grants: they may be short. */
const GRANT_SECONDS = 900

export const streamOf = (video: string): string => `/v1/videos/${encodeURIComponent(video)}/stream?expires_in=${GRANT_SECONDS}`

export default function Watch({ video }: { video: string }) {
  const [state, again] = useLoaded<Video | null>(video, async () =>
    may('read') ? data(client.GET('/v1/videos/{video}', { params: { path: { video } } })) : null,
  )
  const loaded = state.value.kind === 'there' ? state.value.value : null
  const title = loaded ? nameOf(loaded) : ''
  useTitle(title || t.title)
  return (
    <main id="main" class="watch" tabIndex={-1}>
      <Player
        video={video}
        attributes={{
          'grant-url': streamOf(video),
          'video-title': title,
          'can-retry': may('write'),
          viewer: known()?.subject,
          'page-keys': true,
          start: new URLSearchParams(location.search).get('start') ?? undefined,
        }}
        onPlayable={() => void again()}
      />
      <div class="watch-head">
        <div class="grow">
          <h1 class="wrap-anywhere">{title || t.title}</h1>
          {loaded && (
            <p class="muted">
              {[
                loaded.duration_seconds ? duration(loaded.duration_seconds) : undefined,
                ago(loaded.created_at),
                loaded.source.size ? bytes(loaded.source.size) : undefined,
              ]
                .filter(Boolean)
                .join(' \u00b7 ')}
            </p>
          )}
        </div>
        {loaded?.state === 'ready' && may('download') && <DownloadButton video={video} />}
        {loaded && (
          <a class="button" href={`/videos/${video}`}>
            <Icon name="info" />
            {t.details}
          </a>
        )}
      </div>
    </main>
  )
}

/** `/embed/{video}#grant=...`: the player alone. Without a grant, the session of the viewer counts. */
export function Embed({ video }: { video: string }) {
  useTitle(t.title)
  const grant = useSignal(grantInAddress())
  useEffect(() => {
    const read = () => (grant.value = grantInAddress())
    // The page around it gives a fresh grant by changing the fragment, or by a message.
    const receive = (event: MessageEvent<unknown>) => {
      const given = event.data as { type?: string; grant?: string } | null
      if (event.source === parent && given?.type === 'edgereel-grant' && given.grant) grant.value = given.grant
    }
    addEventListener('hashchange', read)
    addEventListener('message', receive)
    return () => {
      removeEventListener('hashchange', read)
      removeEventListener('message', receive)
    }
  }, [])
  const query = new URLSearchParams(location.search)
  const source = grant.value ? { grant: grant.value } : { 'grant-url': streamOf(video), viewer: known()?.subject }
  const options = ['autoplay', 'muted', 'cmcd'].filter((it) => query.has(it)).map((it) => [it, true] as const)
  return (
    <main class="embed">
      <Player video={video} attributes={{ ...source, 'page-keys': true, ...Object.fromEntries(options), start: query.get('start') ?? undefined, 'video-title': query.get('title') ?? undefined }} />
    </main>
  )
}

const grantInAddress = (): string | undefined => new URLSearchParams(location.hash.slice(1)).get('grant') ?? undefined

/** A share link: plays without an account. */
export function Shared({ secret }: { secret: string }) {
  useTitle(t.sharedTitle)
  return (
    <main class="watch shared">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" width="30" height="30" />
        {texts.product}
      </a>
      <h1 class="visually-hidden">{t.sharedTitle}</h1>
      <Player video="" attributes={{ 'grant-url': `/shared/${encodeURIComponent(secret)}`, 'page-keys': true }} />
      <p class="muted small">{t.sharedNote}</p>
    </main>
  )
}
