// A headless Chromium with one page, served from its own origin, as a customer's page would be.

import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import puppeteer from 'puppeteer-core'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Bundles `pages/NAME.js`, serves it, and opens it. `files`: path -> file on the disk; `routes`: path -> function that ends a
 * response; `alias`: module -> file that stands for it; `port`: of the page's origin. Call `close` at the end.
 */
export async function open(name, { files = {}, routes = {}, alias, profile, port = 0 } = {}) {
  const bundle = await build({
    entryPoints: [here(`pages/${name}.js`)],
    bundle: true,
    write: false,
    format: 'esm',
    alias,
    nodePaths: [here('node_modules')],
  })
  const script = bundle.outputFiles[0].contents
  const server = createServer(async (request, response) => {
    const path = request.url.split('?')[0]
    if (path === '/') {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="/page.js"></script>')
    } else if (path === '/page.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(script)
    } else if (routes[path]) {
      routes[path](response)
    } else if (files[path]) {
      response.end(await readFile(files[path]))
    } else {
      response.statusCode = 404
      response.end()
    }
  })
  await new Promise((done) => server.listen(port, '127.0.0.1', done))
  const browser = await launch(profile)
  const page = await browser.newPage()
  const log = []
  page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => log.push(`error: ${error.message}`))
  const origin = `http://127.0.0.1:${server.address().port}`
  await page.goto(`${origin}/`)
  await page.waitForFunction(() => window.ready === true)
  return {
    page,
    origin,
    log,
    async reload() {
      await page.reload()
      await page.waitForFunction(() => window.ready === true)
    },
    async close() {
      await browser.close()
      server.close()
    },
  }
}

/** Starts Chromium. */
export const launch = (profile) =>
  puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    userDataDir: profile,
    // Scenarios have their own limits; a film takes longer than the default of three minutes.
    protocolTimeout: 15 * 60 * 1000,
    // As root, Chromium has no sandbox; it only loads pages of these tests.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
  })

/** Runs a scenario, prints its result as JSON, and ends the process. */
export async function main(scenario) {
  try {
    console.log(JSON.stringify(await scenario(process.argv.slice(2))))
    process.exit(0)
  } catch (error) {
    console.error(error.stack ?? String(error))
    process.exit(1)
  }
}
