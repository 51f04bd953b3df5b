// Requests to the API. Types come from its OpenAPI document, so the app cannot drift from the API.

import createClient from 'openapi-fetch'
import { type ProblemError, offline, problemOf } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type VideoSummary = Schemas['VideoSummary']
export type Video = Schemas['Video']
export type StateName = Schemas['StateName']
export type Scope = Schemas['Scope']
export type Session = Schemas['Session']
export type SignInMethod = Schemas['SignInMethod']
export type Sort = Schemas['VideoSort']
export type BucketObject = Schemas['ListedObject']
export type Timeline = Schemas['Timeline']

/** The API refuses a request that changes something and has a cookie, but not this header. */
export const REQUEST_HEADER = { 'edgereel-request': '1' } as const

type Listener = (problem: ProblemError) => void
let onSignedOut: Listener = () => {}

/** Calls `listener` when the API no longer accepts the session. */
export function whenSignedOut(listener: Listener): void {
  onSignedOut = listener
}

/** `fetch` for the API: adds the header, and throws a `ProblemError` unless the response is a success (or 304). */
export async function apiFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  request.headers.set('edgereel-request', '1')
  const response = await fetch(request).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw offline()
  })
  if (response.ok || response.status === 304) return response
  const problem = await problemOf(response)
  if (problem.status === 401) onSignedOut(problem)
  throw problem
}

/** The typed client. Its calls throw a `ProblemError`; `data` is set when they return. */
export const client = createClient<paths>({ baseUrl: '/', fetch: apiFetch })

/** The data of a call of the client. */
export async function data<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T
}
