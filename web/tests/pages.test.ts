import { linesOf, parseLines } from '../src/video/chapter-lines'
import { describe, expect, it } from 'vitest'
import type { VideoSummary } from '../src/api/client'
import { csv, estimate, unreadable } from '../src/convert/plan'
import { ago, bitrate, bytes, clock, dollars, duration } from '../src/format'
import { merged, parameters, type Query, withFirstPage } from '../src/library/store'
import { columnsOf, isNearEnd, visible } from '../src/library/window'
import { routeOf } from '../src/routes'
import { bars } from '../src/video/bars'
import { curves } from '../src/video/curves'
import { stateOf } from '../src/video/names'
import { elsewhere } from '../src/video/prices'
import { viewBars } from '../src/video/view-bars'

describe('addresses', () => {
  it.each([
    ['/', { page: 'library' }],
    ['/watch/vid_1', { page: 'watch', video: 'vid_1' }],
    ['/embed/vid_1/', { page: 'embed', video: 'vid_1' }],
    ['/shared/abc', { page: 'shared', secret: 'abc' }],
    ['/settings', { page: 'settings', section: 'api-keys' }],
    ['/settings/webhooks', { page: 'settings', section: 'webhooks' }],
    ['/watch', { page: 'not-found' }],
    ['/a/b/c', { page: 'not-found' }],
    ['/watch/%E0%A4%A', { page: 'watch', video: '%E0%A4%A' }],
  ])('%s', (path, route) => expect(routeOf(path)).toEqual(route))
})

describe('the window of a long list', () => {
  const layout = { count: 20_000, columns: 5, rowHeight: 200, viewport: 900 }
  it('has the rows on the screen, and a screen more on both sides', () => {
    expect(visible({ ...layout, scrolled: 0 })).toEqual({ first: 0, end: 50, top: 0, height: 800_000 })
    expect(visible({ ...layout, scrolled: 400_000 })).toEqual({ first: 9975, end: 10_050, top: 399_000, height: 800_000 })
  })
  it('ends with the list', () => {
    expect(visible({ ...layout, scrolled: 799_500 }).end).toBe(20_000)
    expect(visible({ ...layout, count: 0, scrolled: 0 })).toEqual({ first: 0, end: 0, top: 0, height: 0 })
    expect(visible({ ...layout, count: 3, scrolled: 5000 })).toMatchObject({ end: 3 })
  })
  it('loads more before the end', () => {
    expect(isNearEnd({ ...layout, scrolled: 0 })).toBe(false)
    expect(isNearEnd({ ...layout, scrolled: 797_000 })).toBe(true)
  })
  it('has as many columns as fit', () => expect([columnsOf(1000, 250, 20), columnsOf(200, 250, 20)]).toEqual([3, 1]))
})

const video = (id: string, state: VideoSummary['state'] = 'ready', more: Partial<VideoSummary> = {}) => ({ id, state, ...more }) as VideoSummary

describe('changes of the library', () => {
  const query: Query = { text: '', where: 'titles', filter: 'all', sort: '-created_at' }
  const list = [video('d'), video('b')]
  const ids = (...changed: VideoSummary[]) => merged(list, new Map(changed.map((it) => [it.id, it])), query)?.map((it) => it.id)
  const after = (changed: VideoSummary, of: Query = query, isWhole = true) => merged(list, new Map([[changed.id, changed]]), of, isWhole)?.map((it) => it.id)
  it('replaces a video where it is', () => expect(merged(list, new Map([['b', video('b', 'failed')]]), query)?.map((it) => it.state)).toEqual(['ready', 'failed']))
  it('puts new videos where they belong', () => {
    expect(ids(video('e'), video('f'), video('c'))).toEqual(['f', 'e', 'd', 'c', 'b'])
    expect(after(video('a'))).toEqual(['d', 'b', 'a'])
  })
  it('leaves what belongs to a later page', () => {
    expect(after(video('a'), query, false)).toBeUndefined()
    expect(after(video('c'), query, false)).toEqual(['d', 'c', 'b'])
  })
  it('loses no video when the first page is loaded again', () => {
    const all = ['f', 'e', 'd', 'c', 'b'].map((it) => video(it))
    const joined = (first: string[]) => withFirstPage(all, first.map((it) => video(it))).map((it) => it.id)
    expect(joined(['g', 'f', 'e'])).toEqual(['g', 'f', 'e', 'd', 'c', 'b'])
    expect(joined(['f', 'd', 'c'])).toEqual(['f', 'd', 'c', 'b'])
    expect(joined(['i', 'h', 'g'])).toEqual(['i', 'h', 'g', 'f', 'e', 'd', 'c', 'b'])
  })
  it('does not guess a place in another order', () => expect(after(video('e'), { ...query, sort: 'title' })).toBeUndefined())
  it('removes what was deleted or no longer fits', () => {
    expect(after(video('d', 'deleted'))).toEqual(['b'])
    expect(after(video('d', 'failed'), { ...query, filter: 'ready' })).toEqual(['b'])
    expect(after(video('e', 'deleted'))).toBeUndefined()
  })
  it('asks for what the user sees', () => {
    for (const [where, name] of [['titles', 'q'], ['captions', 'text']] as const) {
      expect(parameters({ text: ' optics ', where, filter: 'failed', sort: 'title' }, 60, 'c')).toEqual({
        limit: 60,
        sort: 'title',
        [name]: 'optics',
        state: 'failed,cancelled',
        cursor: 'c',
      })
    }
  })
})

describe('chapters as lines', () => {
  it('are read as people write them', () => {
    const text = '0:00 Introduction\n\n(1:30) - Lenses\n1:02:03.5 \u2013 Questions\n 12:00   Answers '
    expect(parseLines(text)).toEqual({
      chapters: [
        { start: 0, title: 'Introduction' },
        { start: 90, title: 'Lenses' },
        { start: 720, title: 'Answers' },
        { start: 3723.5, title: 'Questions' },
      ],
    })
  })
  it('are written so that they are read again', () => {
    const { chapters } = parseLines('0:00 One\n59:09.25 Two\n10:00:00 Three')
    expect(linesOf(chapters)).toBe('0:00 One\n59:09.25 Two\n10:00:00 Three')
    expect(parseLines(linesOf(chapters)).chapters).toEqual(chapters)
  })
  it('say which line is wrong', () =>
    expect(['Intro', '0:00 A\n5 B', '0:00 A\n0:00 B', '0:10'].map((it) => parseLines(it).faultyLine)).toEqual([1, 2, 2, 1]))
})

it('names states with their progress', () => {
  expect(stateOf(video('a', 'processing', { stage: 'encode', percent: 40 }))).toEqual({ text: 'Encoding, 40%', tone: 'busy' })
  expect(stateOf(video('a', 'ready', { percent: 100 })).text).toBe('Ready')
  expect(stateOf(video('a', 'ready', { percent: 30, stage: 'audio' })).text).toBe('Audio, 30%')
})

describe('formats', () => {
  it('has units', () => {
    expect([bytes(0), bytes(999), bytes(52_400_000), bytes(734_003_200)]).toEqual(['0 bytes', '999 bytes', '52.4 MB', '734 MB'])
    expect([bitrate(722_000), bitrate(5_250_000)]).toEqual(['722 kbit/s', '5.3 Mbit/s'])
    expect([clock(5), clock(65.9), clock(3729), clock(Number.NaN)]).toEqual(['0:05', '1:05', '1:02:09', '0:00'])
    expect([duration(12), duration(200), duration(7260)]).toEqual(['12 sec', '3 min 20 sec', '2 hr 1 min'])
    expect([dollars(0), dollars(12.5), dollars(0.00123)]).toEqual(['$0.00', '$12.50', '$0.00123'])
  })
  it('has times relative to now', () => expect(ago(0, 5 * 60_000)).toBe('5 minutes ago'))
})

describe('conversion', () => {
  const object = (key: string, size = 1000, content_type: string | null = null) => ({ key, size, etag: key, content_type, modified_at: '2026-01-01T00:00:00Z' })
  it('knows what cannot be a video', () => {
    expect(unreadable(object('a/film.MKV'))).toBeUndefined()
    expect(unreadable(object('a/film', 5, 'video/mp4'))).toBeUndefined()
    expect(unreadable(object('a/talk.mp3'))).toBeUndefined()
    expect(unreadable(object('a/film.mp4', 0))).toContain('empty')
    expect(unreadable(object('slides.pdf', 5, 'application/pdf'))).toBe('Neither video nor audio: application/pdf.')
  })
  it('estimates less for remuxing', () => {
    const objects = [object('a.mp4', 450_000_000)]
    expect(estimate(objects, 'abr').minutes).toBeCloseTo(10)
    expect(estimate(objects, 'copy').cpuSeconds).toBeLessThan(estimate(objects, 'abr').cpuSeconds / 10)
  })
  it('reports as CSV that a spreadsheet does not run', () => {
    const line = { key: 'a, "b".mp4', size: 5, video: '', state: 'Failed', problem: '=HYPERLINK(1)' }
    expect(csv([line])).toBe('key,size,video,state,problem\r\n"a, ""b"".mp4",5,,Failed,\'=HYPERLINK(1)\r\n')
  })
})

it('draws the bars of an attempt', () => {
  const at = (second: number) => new Date(second * 1000).toISOString()
  const attempt = {
    number: 1,
    stages: [{ stage: 'probe' as const, started_at: at(0), ended_at: at(2) }],
    chunks: [
      { rung: '720p', number: 0, started_at: at(2), ended_at: at(6) },
      { rung: '720p', number: 1, started_at: at(6), ended_at: null },
    ],
  }
  const lanes = bars(attempt, 0, 10_000)
  expect(lanes.map((it) => [it.name, it.kind, it.seconds])).toEqual([['Reading the file', 'stage', 2], ['720p: chunks', 'chunk', 8]])
  expect(lanes[1]?.bars).toMatchObject([{ from: 0.2, to: 0.6, isOpen: false }, { from: 0.6, to: 1, isOpen: true }])
})

it('draws the curves of measured rungs', () => {
  const trial = (crf: number, kbps: number, score: number) => ({ crf, kbps, score })
  const rung = { crf: 26, score: 95, full_size_score: 90, profile_kbps: 700 }
  const rungs = [
    { ...rung, name: '720p', kbps: 1000, trials: [trial(18, 4000, 100), trial(34, 250, 90)] },
    { ...rung, name: '480p', kbps: 500, trials: [trial(26, 500, 95)], same_as: '360p' },
  ]
  const [high, middle] = curves(rungs)
  expect(high?.points).toEqual([{ x: 1, y: 0 }, { x: 0, y: 1 }])
  expect([high?.chosen.x, high?.chosen.y, high?.isLeftOut]).toEqual([expect.closeTo(0.5), 0.5, false])
  expect([middle?.points[0]?.x, middle?.isLeftOut]).toEqual([expect.closeTo(0.25), true])
  // Without a range, a point is in the middle.
  expect(curves(rungs.slice(1))[0]?.points).toEqual([{ x: 0.5, y: 0.5 }])
})

it('compares prices', () => {
  const cost = { compute_usd: 0.01, egress_usd: 0.02, requests_usd: 0.001, storage_usd_per_month: 0.002 }
  const [transcoding, storage, delivery] = elsewhere(cost, 60)
  expect(transcoding?.edgereel).toBeCloseTo(0.031)
  expect(storage).toMatchObject({ edgereel: 0.002, mux: 0.144, stream: 0.3 })
  expect(delivery?.edgereel).toBeCloseTo(1)
  expect(delivery?.mux).toBeCloseTo(48)
})

describe('the bars of the views', () => {
  const at = (day: number, views: number) => ({ at: `2026-11-0${day}T00:00:00Z`, views }) as Parameters<typeof viewBars>[0]['series'][number]
  const period = { from: '2026-11-01T00:00:00Z', to: '2026-11-05T00:00:00Z' }
  it('include days without a view', () => {
    const bars = viewBars({ ...period, series: [at(2, 8), at(4, 2)] })
    expect(bars.map((it) => [new Date(it.day).getUTCDate(), it.views, it.height])).toEqual([
      [1, 0, 0],
      [2, 8, 1],
      [3, 0, 0],
      [4, 2, 0.25],
    ])
  })
  it('are flat without views', () => {
    expect(viewBars({ ...period, series: [] }).map((it) => it.height)).toEqual([0, 0, 0, 0])
    expect(viewBars({ from: period.to, to: period.from, series: [] })).toEqual([])
  })
})
