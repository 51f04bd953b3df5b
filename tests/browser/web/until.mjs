// Waiting for a condition.

const PATIENCE_MS = 60_000

/** Waits until `holds` returns something true, and returns it. */
export async function until(what, holds, limit = PATIENCE_MS) {
  const began = Date.now()
  let last
  for (;;) {
    last = await holds()
    if (last) return last
    if (Date.now() - began > limit) throw new Error(`not within ${limit / 1000} s: ${what}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}
