// Runs the built edge worker in workerd, as Cloudflare would, with R2, KV and a queue. Driven by
// lines of JSON: the first one is the configuration, each other one a command; each is answered by
// a line.
//
// {"bindings": {...}, "without": "EDGE_LIST"}                   -> {"address": "127.0.0.1:PORT"}
// {"do": "put", "bucket": "MEDIA", "key": "...", "file": "PATH"} or "text"
// {"do": "fill", "bucket": "MEDIA", "folder": "PATH"}         all files below, by relative path
// {"do": "list", "name": "...", "value": "..."}, {"do": "unlist", "name": "..."}
// {"do": "queue", "bodies": [...]}                            -> the outcome of each message
// {"do": "memory"}                                            -> memory pages, number of instances
// {"do": "points"}                                            -> the data points since the last time
// {"do": "exhaust"}                                           allocates all available memory

import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join, relative } from 'node:path'
import { start } from './edge.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => {
  const { value, done } = await lines.next()
  return done ? undefined : JSON.parse(value)
}
const tell = (value) => console.log(JSON.stringify(value))

const edge = await start(await next())
tell({ address: edge.address })

async function files(folder) {
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  return all.filter((it) => it.isFile()).map((it) => join(it.parentPath ?? it.path, it.name))
}

const commands = {
  async put({ bucket, key, file, text }) {
    await (await edge.bucket(bucket)).put(key, file ? await readFile(file) : text)
    return {}
  },
  async fill({ bucket, folder }) {
    const store = await edge.bucket(bucket)
    const found = await files(folder)
    for (const file of found) await store.put(relative(folder, file), await readFile(file))
    return { objects: found.length }
  },
  async list({ name, value }) {
    await (await edge.revoked()).put(name, value)
    return {}
  },
  async unlist({ name }) {
    await (await edge.revoked()).delete(name)
    return {}
  },
  async queue({ bodies }) {
    return edge.queue(bodies)
  },
  async memory() {
    return edge.memory()
  },
  async points() {
    return { points: await edge.points() }
  },
  async exhaust() {
    return edge.exhaust()
  },
}

for (let command = await next(); command; command = await next()) {
  try {
    tell(await commands[command.do](command))
  } catch (error) {
    tell({ error: String(error.stack ?? error) })
  }
}
await edge.close()
process.exit(0)
