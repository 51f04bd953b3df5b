// The session of this browser: who is signed in, and what they may do.

import { signal } from '@preact/signals'
import { apiFetch, REQUEST_HEADER, type Schemas, type Scope, type Session, type SignInMethod, whenSignedOut } from './client'
import { offline, problemOf } from './problem'

export type SessionState =
  | { kind: 'loading' }
  | { kind: 'signed-in'; session: Session }
  /** `expired`: the session before; the page stays as it is below the sign-in dialog. */
  | { kind: 'signed-out'; methods: SignInMethod[]; expired?: Session }
  | { kind: 'unreachable' }

export const session = signal<SessionState>({ kind: 'loading' })

/** Other tabs learn from this channel that a tab has signed in. */
const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('edgereel-session')

/** What the caller may do. `admin` includes every other scope. */
export function may(scope: Scope): boolean {
  const scopes = known()?.scopes
  return scopes !== undefined && (scopes.includes(scope) || scopes.includes('admin'))
}

/** The session, or the one that has just ended. */
export function known(): Session | undefined {
  const state = session.value
  if (state.kind === 'signed-in') return state.session
  return state.kind === 'signed-out' ? state.expired : undefined
}

/** Asks the API for the session of this browser. */
export async function refreshSession(): Promise<void> {
  const had = known()
  const response = await fetch('/v1/session', { headers: { accept: 'application/json' } }).catch(() => null)
  if (response?.ok) {
    const isNew = session.value.kind !== 'signed-in'
    const now = (await response.json()) as Session
    // What the page holds is of another caller.
    if (had && had.subject !== now.subject) return location.reload()
    session.value = { kind: 'signed-in', session: now }
    if (isNew) channel?.postMessage('signed-in')
  } else if (response?.status === 401) {
    const body = (await response.json().catch(() => ({}))) as Partial<Schemas['Problem']>
    session.value = { kind: 'signed-out', methods: body.methods ?? ['api-key'], ...(had ? { expired: had } : {}) }
  } else if (session.value.kind !== 'signed-in') {
    session.value = { kind: 'unreachable' }
  }
}

/** Signs in with an API key. */
export async function signIn(token: string): Promise<void> {
  const response = await fetch('/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...REQUEST_HEADER },
    body: JSON.stringify({ token }),
  }).catch(() => {
    throw offline()
  })
  if (!response.ok) throw await problemOf(response)
  await refreshSession()
}

export async function signOut(): Promise<void> {
  await apiFetch('/v1/session', { method: 'DELETE' })
  session.value = { kind: 'signed-out', methods: ['api-key'] }
  channel?.postMessage('signed-out')
  // Nothing of this caller stays in memory: not the library, and no upload.
  location.replace('/')
}

whenSignedOut(() => {
  if (session.value.kind === 'signed-in') void refreshSession()
})

channel?.addEventListener('message', ({ data }) => {
  if (data === 'signed-out' && known()) location.reload()
  else void refreshSession()
})
