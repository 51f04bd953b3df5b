// Errors of the API as problem documents (RFC 9457).

import { texts } from '../texts'

/** A request that failed, with a sentence for people. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'

  constructor(
    /** The HTTP status; 0 if the server did not respond. */
    readonly status: number,
    /** The stable code of the problem. */
    readonly code: string,
    readonly detail: string,
    /** Seconds after which the request may succeed, if the server named them. */
    readonly retryAfter?: number,
    /** The scope that the caller lacks. */
    readonly scope?: string,
  ) {
    super(detail)
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** What people read about a failed request: what happened, and what to do. */
export function sentence(error: unknown): string {
  if (!(error instanceof ProblemError)) return texts.problems.unknown
  const advice = texts.problems.advice[error.code as keyof typeof texts.problems.advice]
  const said = error.detail ? capitalised(error.detail) : texts.problems.unknown
  return advice ? `${said} ${advice}` : said
}

function capitalised(text: string): string {
  const first = text.charAt(0).toLocaleUpperCase() + text.slice(1)
  return /[.!?]$/.test(first) ? first : `${first}.`
}

interface Body {
  code?: string
  detail?: string
  title?: string
  scope?: string
}

/** Reads the problem document of a response that is not a success. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const body = (await response.json().catch(() => ({}))) as Body
  const after = Number(response.headers.get('retry-after'))
  return new ProblemError(
    response.status,
    body.code ?? (response.status >= 500 ? 'unavailable' : 'unknown'),
    body.detail ?? body.title ?? texts.problems.status(response.status),
    Number.isFinite(after) && after > 0 ? after : undefined,
    body.scope,
  )
}

/** The problem of a request that got no response. */
export const offline = (): ProblemError => new ProblemError(0, 'offline', texts.problems.offline)
