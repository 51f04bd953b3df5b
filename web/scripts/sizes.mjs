// Part of `npm run build`: fails if a page loads more than its budget, compressed with gzip.

import { readFile, readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const KB = 1000
const BUDGETS = { 'the library, first load': 100 * KB, 'the player': 300 * KB }

const size = async (path) => gzipSync(await readFile(path), { level: 9 }).length
const files = (await readdir('dist/assets')).map((it) => `assets/${it}`)

/** A file and everything that it imports when it loads. */
async function closure(path, seen = new Set()) {
  if (seen.has(path)) return seen
  seen.add(path)
  const text = await readFile(`dist/${path}`, 'utf8')
  for (const [, name] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) await closure(`assets/${name}`, seen)
  return seen
}

const html = await readFile('dist/index.html', 'utf8')
const first = new Set(['index.html'])
const linked = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((it) => it[1])
const library = files.filter((it) => /\/library-.*\.(js|css)$/.test(it))
for (const path of [...linked, ...library]) {
  for (const one of path.endsWith('.js') ? await closure(path) : [path]) first.add(one)
}
let total = 0
for (const path of first) total += await size(`dist/${path}`)
const measured = { 'the library, first load': total, 'the player': await size('dist/assets/edgereel-player.js') }
for (const [name, bytes] of Object.entries(measured)) console.log(`${name}: ${(bytes / KB).toFixed(1)} kB gzip of ${BUDGETS[name] / KB} kB`)
const over = Object.keys(BUDGETS).filter((it) => measured[it] > BUDGETS[it])
if (over.length > 0) {
  console.error(`over the budget: ${over.join(', ')}`)
  process.exit(1)
}
