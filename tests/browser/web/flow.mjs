// Runs a scenario in named steps, so that a failure says where it happened.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNetwork } from './network.mjs'
import { startServer } from './server.mjs'

/**
 * Runs `scenario` with a server, a network and a directory, prints a report as JSON, and ends the
 * process. Arguments of the process: the program `edgereel`, and files for the scenario.
 */
export async function main(scenario, serverOptions) {
  const [program, ...files] = process.argv.slice(2)
  const folder = await mkdtemp(join(tmpdir(), 'edgereel-web-'))
  const report = []
  const shown = []
  let now = 'start'
  const step = async (name, action) => {
    now = name
    const began = Date.now()
    const result = await action()
    report.push({ name, seconds: (Date.now() - began) / 1000 })
    if (process.env.VERBOSE) console.error(name, (Date.now() - began) / 1000)
    return result
  }
  let server
  let status = 0
  try {
    server = await startServer(program, folder, serverOptions)
    const network = await startNetwork()
    await scenario({ step, server, network, folder, files, show: (page) => shown.push(page) })
    console.log(JSON.stringify({ steps: report }))
  } catch (error) {
    status = 1
    console.error(`step "${now}": ${error.stack ?? error}`)
    for (const page of shown) await describe(page).catch(() => {})
    if (server) console.error(server.log().slice(-2500))
  }
  // It writes into the directory until it has ended.
  await server?.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(status)
}

/** What a user would see. */
async function describe(page) {
  console.error(page.url(), (await page.locator('body').innerText()).slice(0, 1200))
  if (process.env.FAILED_PAGE) await page.screenshot({ path: process.env.FAILED_PAGE })
}

/** A copy of an MP4 with `mebibytes` more: a box that programs skip (`free`, ISO/IEC 14496-12). */
export async function padded(film, path, mebibytes) {
  const size = mebibytes * 1024 * 1024
  const box = Buffer.alloc(size)
  if (size > 0) {
    box.writeUInt32BE(size)
    box.write('free', 4, 'latin1')
  }
  await writeFile(path, Buffer.concat([await readFile(film), box]))
  return path
}
