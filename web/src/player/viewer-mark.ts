// The name of the viewer over the video. It deters viewers from filming the screen or passing their
// access on; who controls the browser can still remove it.

/** Where the name is, as the master playlist says. */
export type ViewerPlace = 'off' | 'corner' | 'moving'

/** DATA-ID of EXT-X-SESSION-DATA (RFC 8216, 4.3.4.4). */
export const VIEWER_ID = 'com.edgereel.viewer'

/** The place that a value of the playlist means. */
export const placeOf = (value: string | undefined): ViewerPlace => (value === 'corner' || value === 'moving' ? value : 'off')

/** The place that a master playlist declares. */
export function placeIn(master: string): ViewerPlace {
  const lines = master.split(/\r?\n/).filter((it) => it.startsWith('#EXT-X-SESSION-DATA:'))
  const own = lines.find((it) => it.includes(`DATA-ID="${VIEWER_ID}"`))
  return placeOf(own && /[:,]VALUE="([^"]*)"/.exec(own)?.[1])
}

/** A place in the picture: percent of the free width and height. */
export interface Spot {
  x: number
  y: number
}

export const CORNER: Spot = { x: 97, y: 4 }
const COLUMNS = [6, 50, 94]
const ROWS = [10, 48, 82]

/** A place in another part of the picture than the last one. `random`: 0 to below 1. */
export function nextSpot(last: Spot, random: () => number): Spot {
  const all = ROWS.flatMap((y) => COLUMNS.map((x) => ({ x, y })))
  const others = all.filter((it) => Math.abs(it.x - last.x) > 20 || Math.abs(it.y - last.y) > 20)
  const chosen = others[Math.floor(random() * others.length)] ?? CORNER
  // A few percent from there: the places of one viewing are not those of the next.
  const near = (at: number) => Math.min(98, Math.max(2, at + random() * 8 - 4))
  return { x: near(chosen.x), y: near(chosen.y) }
}

interface Size {
  width: number
  height: number
}

/** The bars around the picture, percent of the element on each side. */
export function barsAround(element: Size, video: Size): Spot {
  if (!(element.width > 0 && element.height > 0 && video.width > 0 && video.height > 0)) return { x: 0, y: 0 }
  const share = element.width / element.height / (video.width / video.height)
  return share > 1 ? { x: 50 - 50 / share, y: 0 } : { x: 0, y: 50 - 50 * share }
}

const MOVE_MS = 20_000
/** Another script that removes the name as often as it comes back must not stop the page. */
const RESTORE_MS = 250
const LONGEST = 80

const LAYER = { position: 'absolute', 'pointer-events': 'none', overflow: 'hidden', 'z-index': '2147483647', display: 'block', opacity: '1', visibility: 'visible' }
const TEXT = `
span {
  position: absolute; max-width: 70%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  font: 600 clamp(11px, 2.1cqw, 22px)/1.3 system-ui, sans-serif;
  color: rgb(255 255 255 / 46%); text-shadow: 0 0 2px rgb(0 0 0 / 80%), 0 1px 4px rgb(0 0 0 / 55%);
}`

/** Draws the name into the shadow root of a player, and again when it is removed or changed. */
export class ViewerMark {
  readonly #root: ShadowRoot
  readonly #video: HTMLVideoElement
  readonly #changes = new MutationObserver(() => this.#restore())
  readonly #sizes = new ResizeObserver(() => this.#fit())
  #layer: HTMLElement | undefined
  #label: HTMLElement | undefined
  #name = ''
  #place: ViewerPlace = 'off'
  #spot = CORNER
  #mover: ReturnType<typeof setInterval> | undefined
  #restorer: ReturnType<typeof setTimeout> | undefined

  constructor(root: ShadowRoot, video: HTMLVideoElement) {
    this.#root = root
    this.#video = video
    for (const name of ['loadedmetadata', 'resize']) video.addEventListener(name, () => this.#fit())
  }

  /** Shows a name; an empty one, or `off`, shows none. */
  show(name: string, place: ViewerPlace): void {
    this.hide()
    this.#name = Array.from(name).slice(0, LONGEST).join('')
    this.#place = place
    if (!this.#name || place === 'off') return
    this.#spot = place === 'corner' ? CORNER : nextSpot(CORNER, Math.random)
    if (place === 'moving') this.#mover = setInterval(() => this.#move(), MOVE_MS)
    this.#sizes.observe(this.#root.host)
    this.#draw()
  }

  hide(): void {
    clearInterval(this.#mover)
    clearTimeout(this.#restorer)
    this.#changes.disconnect()
    this.#sizes.disconnect()
    this.#layer?.remove()
    this.#place = 'off'
    this.#restorer = undefined
  }

  #draw(): void {
    this.#changes.disconnect()
    this.#layer?.remove()
    const layer = document.createElement('div')
    // Screen readers say who is signed in elsewhere.
    layer.setAttribute('aria-hidden', 'true')
    for (const [name, value] of Object.entries(LAYER)) layer.style.setProperty(name, value, 'important')
    // Scripts of the page have no way into a closed root.
    const inside = layer.attachShadow({ mode: 'closed' })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(TEXT)
    inside.adoptedStyleSheets = [sheet]
    const label = document.createElement('span')
    label.textContent = this.#name
    inside.append(label)
    this.#layer = layer
    this.#label = label
    this.#inset()
    this.#put()
    this.#root.append(layer)
    this.#watch()
  }

  #watch(): void {
    this.#changes.observe(this.#root, { childList: true })
    if (this.#layer) this.#changes.observe(this.#layer, { attributes: true })
  }

  #restore(): void {
    if (this.#place === 'off') return
    this.#restorer ??= setTimeout(() => {
      this.#restorer = undefined
      if (this.#place !== 'off') this.#draw()
    }, RESTORE_MS)
  }

  #move(): void {
    this.#spot = nextSpot(this.#spot, Math.random)
    this.#put()
  }

  /** At its share of the free space: the name is inside whatever its length is. */
  #put(): void {
    const { x, y } = this.#spot
    const style = this.#label?.style
    style?.setProperty('left', `${x}%`)
    style?.setProperty('top', `${y}%`)
    style?.setProperty('transform', `translate(-${x}%, -${y}%)`)
  }

  #fit(): void {
    if (this.#place === 'off' || !this.#layer?.isConnected) return
    this.#changes.disconnect()
    this.#inset()
    this.#watch()
  }

  /** Over the picture, not over the bars beside it. */
  #inset(): void {
    const { clientWidth, clientHeight } = this.#root.host
    const { videoWidth, videoHeight } = this.#video
    const { x, y } = barsAround({ width: clientWidth, height: clientHeight }, { width: videoWidth, height: videoHeight })
    this.#layer?.style.setProperty('inset', `${y}% ${x}%`, 'important')
  }
}
