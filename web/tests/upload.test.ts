import { describe, expect, it } from 'vitest'
import { ProblemError } from '../src/api/problem'
import { failureOf } from '../src/upload/failure'
import { isHidden, refusal, titleOf } from '../src/upload/intake'
import { Rate } from '../src/upload/rate'
import { videoOf } from '../src/upload/requests'

const file = (name: string, size = 5, type = '') => ({ name, size, type })

describe('intake', () => {
  it('takes video and audio by type or by name', () => {
    expect(refusal(file('film.mp4'), undefined)).toBeUndefined()
    expect(refusal(file('film', 5, 'video/mp4'), 10)).toBeUndefined()
    expect(refusal(file('song.FLAC'), undefined)).toBeUndefined()
    expect(refusal(file('memo', 5, 'audio/mp4'), 10)).toBeUndefined()
  })
  it('refuses with a sentence that says what to do', () => {
    expect(refusal(file('film.mp4', 0), undefined)).toContain('empty')
    expect(refusal(file('film.mp4', 11e9), 10e9)).toContain('limit')
    expect(refusal(file('notes.txt', 5, 'text/plain'), undefined)).toContain('neither video nor audio')
  })
  it('makes titles of names', () => {
    expect(titleOf('My_holiday_film.mp4')).toBe('My holiday film')
    expect(titleOf('.mp4')).toBe('.mp4')
    expect(titleOf('סרט.mp4')).toBe('סרט')
    expect(new TextEncoder().encode(titleOf('😀'.repeat(300) + '.mp4')).length).toBeLessThanOrEqual(500)
  })
  it('skips the files of systems', () => expect(['.DS_Store', 'Thumbs.db', 'a.mp4'].map((it) => isHidden(file(it)))).toEqual([true, true, false]))
})

describe('failures', () => {
  const problem = (status: number, code: string, after?: number) => new ProblemError(status, code, 'why', after)
  it('waits for the network without an end', () => expect(failureOf(problem(0, 'offline'), 99)).toMatchObject({ kind: 'temporary', seconds: 30 }))
  it('respects Retry-After', () => expect(failureOf(problem(429, 'too-many-requests', 60), 1)).toMatchObject({ kind: 'temporary', seconds: 60 }))
  it('gives up on a server that is out of order', () => expect(failureOf(problem(503, 'unavailable'), 12).kind).toBe('final'))
  it('waits for the sign-in', () => expect(failureOf(problem(401, 'unauthorized'), 1).kind).toBe('signed-out'))
  it('shows the sentence of a refusal, and what to do', () =>
    expect(failureOf(problem(409, 'over-quota'), 1)).toEqual({ kind: 'final', sentence: 'Why. Delete videos that you no longer need, or ask an admin for more space.' }))
  it('tells a full bucket from a network that is gone', () => {
    expect(failureOf({ request: { status: 507 } }, 1)).toMatchObject({ kind: 'temporary', sentence: 'The bucket is full.' })
    expect(failureOf({ request: { status: 0 } }, 1)).toMatchObject({ kind: 'temporary', sentence: 'There is no connection to the bucket.' })
    expect(failureOf({ request: { status: 403 } }, 3).kind).toBe('final')
  })
})

describe('speed', () => {
  it('is that of the last seconds', () => {
    const rate = new Rate()
    for (let second = 0; second <= 20; second += 1) rate.add(second < 10 ? 0 : (second - 10) * 1000, second * 1000)
    expect(rate.speed()).toBeCloseTo(1000)
    expect(rate.left(15_000)).toBeCloseTo(5)
  })
  it('is unknown at first, and after a pause', () => {
    const rate = new Rate()
    rate.add(100, 0)
    expect([rate.speed(), rate.left(500)]).toEqual([0, undefined])
    rate.add(1000, 1000)
    rate.reset()
    expect(rate.speed()).toBe(0)
  })
})

it('finds the video of a key', () => {
  expect(videoOf('uploads/vid_01a2265216e9716faad461ae9f1bdce1/film.mp4')).toBe('vid_01a2265216e9716faad461ae9f1bdce1')
  expect(videoOf(undefined)).toBeUndefined()
})
