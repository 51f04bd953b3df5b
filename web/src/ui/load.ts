// Data of a page: loading, there, or failed.

import { type Signal, useSignal } from '@preact/signals'
import { useCallback, useEffect, useRef } from 'preact/hooks'
import { session } from '../api/session'

export type Loaded<T> = { kind: 'loading' } | { kind: 'there'; value: T } | { kind: 'failed'; error: unknown }

/** Loads when `key` changes. What is there stays while it loads again. */
export function useLoaded<T>(key: string, load: () => Promise<T>): [Signal<Loaded<T>>, () => Promise<void>] {
  const state = useSignal<Loaded<T>>({ kind: 'loading' })
  const turn = useRef(0)
  const again = useCallback(async () => {
    // Only the response to the last request counts.
    const mine = ++turn.current
    try {
      const value = await load()
      if (mine === turn.current) state.value = { kind: 'there', value }
    } catch (error) {
      if (mine === turn.current && state.value.kind !== 'there') state.value = { kind: 'failed', error }
    }
  }, [key])
  useEffect(() => {
    state.value = { kind: 'loading' }
    void again()
  }, [key])
  // What failed because the session had ended loads after the next sign-in.
  const isSignedIn = session.value.kind === 'signed-in'
  useEffect(() => {
    if (isSignedIn && state.peek().kind !== 'loading') void again()
  }, [isSignedIn])
  return [state, again]
}
