import { afterEach, describe, expect, it, vi } from 'vitest'
import { expiryOf, renewalDelay, retryDelay, viewerOf } from '../src/player/grant'
import { commandOf, speedAfter } from '../src/player/keys'
import { resumeAt } from '../src/player/memory'
import { reportsUrl, Tally } from '../src/player/report'
import { bufferedAhead, Meter } from '../src/player/stats'
import { sentenceOf, urlOf } from '../src/player/source'
import { leftOut } from '../src/player/surround'
import { at, cuesOf, tilesOf, wantsLargeImages } from '../src/player/vtt'
import { chaptersOf } from '../src/player/chapters'
import { barsAround, CORNER, nextSpot, placeIn } from '../src/player/viewer-mark'

const MINUTE = 60_000

describe('chapters', () => {
  const chapter = (start: unknown, title: unknown) => ({ 'start-time': start, titles: [{ language: 'und', title }] })
  it('last until the next one', () =>
    expect(chaptersOf(JSON.stringify([chapter(0, 'One'), chapter(61.5, 'Two')]))).toEqual([
      { start: 0, end: 61.5, text: 'One' },
      { start: 61.5, end: Number.POSITIVE_INFINITY, text: 'Two' },
    ]))
  it('are read as far as possible', () => {
    const texts = chaptersOf(JSON.stringify([chapter(9, 'Late'), chapter('x', 'No'), {}, null, chapter(2, 7), chapter(1, 'Early')]))
    expect(texts.map((it) => it.text)).toEqual(['Early', 'Late'])
    expect([chaptersOf('{}'), chaptersOf('rubbish')]).toEqual([[], []])
  })
})

describe('surround', () => {
  const levels = ['stereo', 'surround', 'stereo', 'surround'].map((it) => ({ audioGroups: [it] }))
  const tracks = [
    { groupId: 'stereo', channels: '2' },
    { groupId: 'surround', channels: '6' },
    { groupId: 'surround', channels: '2' },
  ]
  it('is left out for two loudspeakers', () => expect(leftOut(levels, tracks, 2)).toEqual([1, 3]))
  it('plays alone on six', () => expect(leftOut(levels, tracks, 6)).toEqual([0, 2]))
  it('stays where the choice would leave nothing', () => {
    const surround = levels.filter((it) => it.audioGroups[0] === 'surround')
    expect([leftOut(surround, tracks, 2), leftOut([{}, {}], [], 6), leftOut(levels, [{ groupId: 'stereo' }], 6)]).toEqual([[], [], []])
  })
})

describe('renewal of grants', () => {
  it('is at half of the life', () => expect(renewalDelay(0, 20 * MINUTE)).toBe(10 * MINUTE))
  it('is two minutes before the end of a short grant', () => expect(renewalDelay(0, 3 * MINUTE)).toBe(MINUTE))
  it('is at half of a grant that has no two minutes', () => expect(renewalDelay(0, MINUTE)).toBe(MINUTE / 2))
  it('is soon when the grant has ended', () => expect(renewalDelay(10 * MINUTE, MINUTE)).toBe(5_000))
  it('fits into a timer', () => expect(renewalDelay(0, 1000 * 24 * 60 * MINUTE)).toBe(6 * 60 * MINUTE))
  it('pauses longer after each failure, up to a minute', () => expect([1, 2, 3, 9].map(retryDelay)).toEqual([5_000, 10_000, 20_000, 60_000]))
  it('reads the end of a grant', () => {
    const grant = `x.${btoa(JSON.stringify({ exp: 1_700_000_000 })).replace(/=+$/, '')}.y`
    expect(expiryOf(grant)).toBe(1_700_000_000_000)
    expect(expiryOf('garbage')).toBeUndefined()
  })
})

describe('keys', () => {
  const table: [string, unknown][] = [
    [' ', { do: 'toggle' }],
    ['K', { do: 'toggle' }],
    ['j', { do: 'seek-by', seconds: -10 }],
    ['ArrowRight', { do: 'seek-by', seconds: 5 }],
    ['7', { do: 'seek-to', part: 0.7 }],
    ['End', { do: 'seek-to', part: 1 }],
    ['>', { do: 'speed-by', steps: 1 }],
    ['?', { do: 'help' }],
    ['x', undefined],
    ['Tab', undefined],
  ]
  it.each(table)('%s', (key, command) => expect(commandOf({ key })).toEqual(command))
  it('leaves the shortcuts of the browser alone', () => expect(commandOf({ key: 'l', ctrlKey: true })).toBeUndefined())
  it('steps through the speeds and stops at their ends', () => {
    expect([speedAfter(1, 1), speedAfter(1, -1), speedAfter(2, 1), speedAfter(0.25, -1)]).toEqual([1.25, 0.75, 2, 0.25])
  })
})

describe('the position to resume at', () => {
  it.each([
    [undefined, 100, 0],
    [3, 100, 0],
    [50, 100, 50],
    [98, 100, 0],
    [3590, 3600, 0],
  ])('%s of %s', (position, duration, expected) => expect(resumeAt(position, duration)).toBe(expected))
})

describe('WebVTT', () => {
  const vtt = 'WEBVTT\n\n00:00.000 --> 00:05.000\nstoryboard.jpg#xywh=0,0,160,90\n\n1\n01:00:05.500 --> 01:00:10.000 line:0\nstoryboard.jpg#xywh=160,0,160,90\n\nbroken --> time\nx\n'
  it('has tiles with absolute URLs', () => {
    expect(tilesOf(vtt, 'https://edge.example/s/pass/storyboard.vtt')).toEqual([
      { start: 0, end: 5, url: 'https://edge.example/s/pass/storyboard.jpg', x: 0, y: 0, width: 160, height: 90 },
      { start: 3605.5, end: 3610, url: 'https://edge.example/s/pass/storyboard.jpg', x: 160, y: 0, width: 160, height: 90 },
    ])
  })
  it('skips what cannot be read', () => expect(cuesOf(vtt)).toHaveLength(2))
  it('finds what is shown at a time', () => {
    const all = [{ start: 0 }, { start: 5 }, { start: 10 }]
    expect([0, 4.9, 5, 99].map((time) => at(all, time)?.start)).toEqual([0, 0, 5, 10])
    expect(at([], 1)).toBeUndefined()
  })
})

describe('large images', () => {
  afterEach(() => vi.unstubAllGlobals())
  it.each([
    [1, 1920, false, false],
    [1.25, 1920, false, false],
    [2, 390, false, true],
    [1, 2560, false, true],
    [2, 2560, true, false],
  ])('with %s pixels per pixel of CSS, %s pixels wide, saving data: %s', (density, width, saveData, expected) => {
    vi.stubGlobal('devicePixelRatio', density)
    vi.stubGlobal('screen', { width })
    vi.stubGlobal('navigator', { connection: { saveData } })
    expect(wantsLargeImages()).toBe(expected)
  })
})

describe('the meter', () => {
  it('counts stalls, but not seeks or the start', () => {
    const meter = new Meter()
    meter.load(0)
    meter.wait(10, false)
    meter.ask(100)
    meter.frame(180)
    meter.frame(400)
    meter.wait(1000, true)
    meter.wait(2000, false)
    meter.wait(2100, false)
    meter.go(2500)
    meter.go(2600)
    expect(meter.stats(3000)).toEqual({ firstFrame: 80, stalls: 1, stalledSeconds: 0.5 })
    meter.wait(4000, false)
    expect([meter.takeStalls(), meter.takeStalls()]).toEqual([[500], []])
    meter.go(4200)
    expect(meter.takeStalls()).toEqual([200])
  })
  it('measures what is loaded ahead', () => {
    const ranges = [{ start: 0, end: 10 }, { start: 20, end: 30 }]
    expect([bufferedAhead(ranges, 4), bufferedAhead(ranges, 15), bufferedAhead(ranges, 20)]).toEqual([6, 0, 10])
  })
})

describe('reports', () => {
  it('say what happened since the last one', () => {
    const tally = new Tally()
    tally.rate(0, 1_000_000)
    tally.play(1_000)
    tally.play(1_500)
    tally.rate(11_000, 4_000_000)
    tally.stop(41_000)
    tally.rate(50_000, 9_000_000)
    expect(tally.played(60_000)).toBe(40_000)
    // 10 s at 1 Mbit/s and 30 s at 4 Mbit/s.
    expect(tally.take(60_000, 640.4, [700.2, 300], 4)).toBe('br=(3250),bsd=(700 300),edgereel-dropped=4,edgereel-played=40000,msd=640,v=2')
    expect(tally.take(60_000, 640.4, [], 4)).toBeUndefined()
    tally.play(60_000)
    expect(tally.take(60_500, 640.4, [], 4)).toBeUndefined()
    expect(tally.take(62_000, 640.4, [], 6)).toBe('br=(9000),edgereel-dropped=2,edgereel-played=2000,v=2')
  })
  it('are sent for a start alone, and without a bitrate', () => {
    const tally = new Tally()
    expect(tally.take(0, undefined, [], 0)).toBeUndefined()
    expect(tally.take(0, 90, [], 0)).toBe('msd=90,v=2')
    tally.play(0)
    expect(tally.take(5_000, 90, [], 0)).toBe('edgereel-played=5000,v=2')
  })
  it('go to the session of a playlist', () => {
    const session = 'https://edge.example/s/AbC_-9'
    expect(reportsUrl(`${session}/0123456789abcdef/720p/720p.m3u8?pace=1`)).toBe(`${session}/cmcd`)
    expect(reportsUrl('https://edge.example/v/vid_1/master.m3u8?grant=a.b')).toBeUndefined()
  })
})

describe('refusals', () => {
  it('have a sentence for known codes, or what the server said', () => {
    expect(sentenceOf('revoked', 'The grant is revoked.')).toBe('Access to this video was revoked.')
    expect(sentenceOf('max-height', 'No rung is small enough.')).toBe('No rung is small enough.')
    expect(sentenceOf('other')).toBe('The server refused to play this video.')
  })
  it('come from the URL of a grant', () => expect(urlOf('https://e.example/', 'vid_1', 'a.b')).toBe('https://e.example/v/vid_1/master.m3u8?grant=a.b'))
})

describe('the name of the viewer', () => {
  const grant = (claims: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(claims))
    const text = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_')
    return `x.${text.replace(/=+$/, '')}.y`
  }
  it('is the subject of the grant', () => {
    expect([viewerOf(grant({ sub: 'Zoë Ångström' })), viewerOf(grant({ sub: 7 })), viewerOf(grant(null)), viewerOf('rubbish')]).toEqual(['Zoë Ångström', '', '', ''])
  })
  it('is where the master playlist says', () => {
    const master = (value: string) => `#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID="com.example",VALUE="moving"\r\n#EXT-X-SESSION-DATA:${value}\r\nx.m3u8\n`
    const own = 'DATA-ID="com.edgereel.viewer"'
    expect(placeIn(master(`${own},VALUE="corner"`))).toBe('corner')
    expect(placeIn(master(`VALUE="moving",${own}`))).toBe('moving')
    expect([placeIn(master(`${own},VALUE="behind"`)), placeIn(master(own)), placeIn(master('DATA-ID="x"')), placeIn('')]).toEqual(['off', 'off', 'off', 'off'])
  })
  it('moves to another part of the picture, and stays inside', () => {
    let spot = CORNER
    for (let step = 0; step < 200; step += 1) {
      const next = nextSpot(spot, () => ((step * 7919) % 100) / 100)
      expect(Math.max(Math.abs(next.x - spot.x), Math.abs(next.y - spot.y))).toBeGreaterThan(10)
      expect(Math.min(next.x, next.y)).toBeGreaterThanOrEqual(2)
      expect(Math.max(next.x, next.y)).toBeLessThanOrEqual(98)
      spot = next
    }
  })
  it.each([
    [{ width: 1600, height: 900 }, { width: 640, height: 360 }, { x: 0, y: 0 }],
    // An upright video has bars at its sides, a wide one above and below.
    [{ width: 1600, height: 900 }, { width: 450, height: 900 }, { x: 35.9375, y: 0 }],
    [{ width: 1000, height: 1000 }, { width: 640, height: 320 }, { x: 0, y: 25 }],
    [{ width: 1600, height: 900 }, { width: 0, height: 0 }, { x: 0, y: 0 }],
  ])('is over the picture: %j %j', (element, video, bars) => expect(barsAround(element, video)).toEqual(bars))
})
