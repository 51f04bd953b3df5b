// Grants: how long they live, and when to renew them.

/** The claims of a grant; none if it cannot be read. */
function claimsOf(grant: string): Record<string, unknown> {
  try {
    const body = grant.split('.')[1] ?? ''
    const bytes = Uint8Array.from(atob(body.replaceAll('-', '+').replaceAll('_', '/')), (it) => it.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return (claims ?? {}) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** Milliseconds since 1970 at which a grant ends; `undefined` if it cannot be read. */
export function expiryOf(grant: string): number | undefined {
  const { exp } = claimsOf(grant)
  return typeof exp === 'number' ? exp * 1000 : undefined
}

/** The viewer of a grant, as its issuer names them; empty: it names none. */
export function viewerOf(grant: string): string {
  const { sub } = claimsOf(grant)
  return typeof sub === 'string' ? sub : ''
}

/** The grant of a playback URL. */
export function grantOf(url: string): string | undefined {
  try {
    return new URL(url, location.href).searchParams.get('grant') ?? undefined
  } catch {
    return undefined
  }
}

const MARGIN_MS = 2 * 60_000
const LEAST_MS = 5_000
/** `setTimeout` takes at most 31 bits. */
const MOST_MS = 6 * 3600_000

/** Milliseconds until the renewal: at half of the lifetime that is left, and two minutes before the end. */
export function renewalDelay(now: number, expires: number): number {
  const left = expires - now
  const due = Math.min(left / 2, left - MARGIN_MS)
  // A short grant has no two minutes: half of its life is what there is.
  const delay = due > 0 ? due : left / 2
  return Math.min(MOST_MS, Math.max(LEAST_MS, delay))
}

/** Milliseconds until the next attempt after `failures` failed ones in a row. */
export function retryDelay(failures: number): number {
  return Math.min(60_000, 5_000 * 2 ** Math.max(0, failures - 1))
}
