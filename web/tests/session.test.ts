import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Session } from '../src/player/session'
import type { Found } from '../src/player/source'

const fetched = vi.fn()
const playback: Found = { kind: 'playback', playback: { url: 'https://e.example/v/vid_1/master.m3u8?grant=fresh' } }
const ok = (expires_in: number) => new Response(JSON.stringify({ expires_in }))

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  fetched.mockReset()
  vi.stubGlobal('fetch', fetched)
  vi.stubGlobal('location', { href: 'https://app.example/' })
  vi.stubGlobal('document', new EventTarget())
  const page = new EventTarget()
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent'] as const) vi.stubGlobal(name, page[name].bind(page))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function session(fresh: () => Promise<Found>, onRefused = vi.fn()) {
  return new Session({ url: 'https://e.example/v/vid_1/master.m3u8?grant=first', expires: 600_000, fresh, onRefused })
}

it('sends a fresh grant at half of the life, and again', async () => {
  fetched.mockImplementation(() => Promise.resolve(ok(600)))
  const it = session(() => Promise.resolve(playback))
  await vi.advanceTimersByTimeAsync(299_000)
  expect(fetched).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(fetched).toHaveBeenCalledWith(expect.stringContaining('grant=first'), { method: 'POST', headers: { authorization: 'Bearer fresh' } })
  await vi.advanceTimersByTimeAsync(300_000)
  expect(it.renewals).toBe(2)
  it.stop()
})

it('tries again soon when the server cannot be reached', async () => {
  fetched.mockRejectedValueOnce(new TypeError('network')).mockResolvedValue(ok(600))
  const it = session(() => Promise.resolve(playback))
  await vi.advanceTimersByTimeAsync(306_000)
  expect([fetched.mock.calls.length, it.renewals]).toEqual([2, 1])
  it.stop()
})

it('renews when a computer wakes up', async () => {
  fetched.mockResolvedValue(ok(600))
  const it = session(() => Promise.resolve(playback))
  vi.setSystemTime(3_600_000)
  document.dispatchEvent(new Event('visibilitychange'))
  await vi.advanceTimersByTimeAsync(0)
  expect(it.renewals).toBe(1)
  it.stop()
})

it('stops at a refusal', async () => {
  const refused = vi.fn()
  const it = session(() => Promise.resolve({ kind: 'refused', code: 'no-such-share', sentence: 'Gone.', canRetry: false }), refused)
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(refused).toHaveBeenCalledExactlyOnceWith('no-such-share', 'Gone.')
  it.stop()
})
