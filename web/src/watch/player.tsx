// The player inside a page. Its file loads when a page needs it.

import { useEffect, useRef } from 'preact/hooks'
import type { EdgereelPlayer } from '../player/element'
import { client } from '../api/client'
import { attempt } from '../ui/toast'

const PLAYER = '/assets/edgereel-player.js'

/** Defines the element `<edgereel-player>`. */
export function loadPlayer(): Promise<unknown> {
  return import.meta.env.DEV ? import('../player/element') : import(/* @vite-ignore */ PLAYER)
}

/** The origin of the edge, if it is not the origin of this page. */
export const edge = (): string =>
  document.querySelector<HTMLMetaElement>('meta[name="edgereel-edge"]')?.content || location.origin

interface Props {
  video: string
  attributes: Record<string, string | boolean | undefined>
  onPlayable?: () => void
  onRefused?: (code: string) => void
}

export function Player({ video, attributes, onPlayable, onRefused }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const player = useRef<EdgereelPlayer | undefined>(undefined)
  useEffect(() => {
    void loadPlayer()
    const element = document.createElement('edgereel-player') as EdgereelPlayer
    player.current = element
    element.setAttribute('video', video)
    set(element, { edge: edge(), ...attributes })
    element.addEventListener('playable', () => onPlayable?.())
    element.addEventListener('refused', (event) => onRefused?.((event as CustomEvent<{ code: string }>).detail.code))
    element.addEventListener('retry', (event) => {
      const { done } = (event as CustomEvent<{ done: (promise: Promise<unknown>) => void }>).detail
      event.preventDefault()
      done(attempt(client.POST('/v1/videos/{video}/retry', { params: { path: { video } } })))
    })
    place.current?.replaceChildren(element)
    return () => element.remove()
  }, [video])
  useEffect(() => {
    if (player.current) set(player.current, attributes)
  }, [JSON.stringify(attributes)])
  return <div class="player" ref={place} />
}

function set(element: HTMLElement, attributes: Props['attributes']): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? '' : value
    if (text === undefined || text === false) element.removeAttribute(name)
    else if (element.getAttribute(name) !== text) element.setAttribute(name, text)
  }
}
