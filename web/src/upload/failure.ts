// What to do about an upload that failed.

import { ProblemError, sentence } from '../api/problem'
import { texts } from '../texts'

export type Failure =
  /** Tried again after `seconds`. */
  | { kind: 'temporary'; seconds: number; sentence: string }
  /** Tried again when the user has signed in. */
  | { kind: 'signed-out' }
  | { kind: 'final'; sentence: string }

const MOST_ATTEMPTS = 12
const MOST_SECONDS = 30

interface StoreError {
  request?: { status?: number } | null
}

/** `attempts`: how often the upload failed in a row, with this time. */
export function failureOf(error: unknown, attempts: number): Failure {
  const seconds = Math.min(MOST_SECONDS, 2 ** Math.min(attempts, 6) / 2)
  if (error instanceof ProblemError) {
    if (error.status === 401) return { kind: 'signed-out' }
    if (!error.isTemporary) return { kind: 'final', sentence: sentence(error) }
    // No connection: the upload waits as long as that lasts.
    if (error.status !== 0 && attempts >= MOST_ATTEMPTS) return { kind: 'final', sentence: sentence(error) }
    return { kind: 'temporary', seconds: Math.max(seconds, error.retryAfter ?? 0), sentence: sentence(error) }
  }
  const status = (error as StoreError | undefined)?.request?.status ?? 0
  if (status === 0) return { kind: 'temporary', seconds, sentence: texts.upload.noStore }
  if (status >= 500 || status === 429) {
    const said = status === 507 ? texts.upload.storeFull : texts.upload.storeBusy
    return attempts >= MOST_ATTEMPTS ? { kind: 'final', sentence: said } : { kind: 'temporary', seconds, sentence: said }
  }
  // A presigned URL that has expired: another one helps.
  if (attempts < 3) return { kind: 'temporary', seconds: 1, sentence: texts.upload.storeRefused(status) }
  return { kind: 'final', sentence: texts.upload.storeRefused(status) }
}
