// Two tabs with the same file: the second one asks before it sends the file again.

/** What identifies a file for people: its name, size and time. */
const lockOf = (file: File): string => `edgereel-file ${file.name} ${file.size} ${file.lastModified}`

const releases = new Map<string, () => void>()

/** Whether another tab is sending this file. */
export async function isElsewhere(file: File): Promise<boolean> {
  const name = lockOf(file)
  if (!navigator.locks || releases.has(name)) return false
  const { held } = await navigator.locks.query()
  return held?.some((it) => it.name === name) ?? false
}

/** Other tabs learn that this tab sends the file, until the returned function is called. */
export function claim(file: File): () => void {
  const name = lockOf(file)
  const release = () => {
    releases.get(name)?.()
    releases.delete(name)
  }
  if (!navigator.locks || releases.has(name)) return release
  releases.set(name, () => {})
  // `shared`: the user may send the file twice.
  void navigator.locks.request(name, { mode: 'shared' }, () => new Promise<void>((done) => releases.set(name, done)))
  return release
}
