// The edge worker in workerd.

import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { dirname } from 'node:path'
import { Log, LogLevel, Miniflare } from 'miniflare'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Starts it. `bindings`: variables and secrets. `without`: a binding that is missing. `script`: another one to run instead.
 * `bare`: without what stands around it.
 */
export async function start({ bindings = {}, without, folder = here('../../edge-worker/build'), script, bare } = {}) {
  const module = async (type, path, contents) => ({ type, path, contents: contents ?? (await readFile(path)) })
  const around = async (name) => module('ESModule', `${folder}/${name}`, await readFile(here(name)))
  const modules = script
    ? [await module('ESModule', script)]
    : [
        ...(bare ? [] : [await around('front.mjs'), await around('memory.mjs')]),
        await module('ESModule', `${folder}/index.js`),
        await module('CompiledWasm', `${folder}/index_bg.wasm`),
      ]
  const flare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    // Otherwise workerd would ask Cloudflare for the location of this machine.
    cf: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio(...streams) {
      // The worker's own output, without workerd's messages about rejected requests.
      for (const input of streams) {
        createInterface({ input }).on('line', (it) => /^(stack: |workerd\/)/.test(it) || process.stderr.write(`${it}\n`))
      }
    },
    name: 'edge',
    modules,
    modulesRoot: script ? dirname(script) : folder,
    compatibilityDate: '2026-07-01',
    bindings,
    r2Buckets: ['MEDIA', 'PRIVATE'],
    kvNamespaces: ['EDGE_LIST'].filter((it) => it !== without),
    queueConsumers: { events: { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 2 } },
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  })
  await flare.ready
  const url = await flare.unsafeGetDirectURL()
  return {
    address: url.host,
    url: url.origin,
    flare,
    bucket: (name) => flare.getR2Bucket(name),
    revoked: () => flare.getKVNamespace('EDGE_LIST'),
    async queue(bodies) {
      const worker = await flare.getWorker()
      const messages = bodies.map((body, at) => ({ id: String(at), timestamp: new Date(), attempts: 1, body }))
      return worker.queue('events', messages)
    },
    async memory() {
      return (await fetch(`${url.origin}/__memory`)).json()
    },
    async points() {
      return (await fetch(`${url.origin}/__points`)).json()
    },
    async exhaust() {
      return (await fetch(`${url.origin}/__exhaust`)).json()
    },
    close: () => flare.dispose(),
  }
}
