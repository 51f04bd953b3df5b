// The web app in Chromium, for tests: pages, what they log, and checks that hold on every page.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const SCREENS = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  large: { viewport: { width: 3840, height: 2160 } },
}

// As root, Chromium has no sandbox; it only loads pages of these tests.
const OPTIONS = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--autoplay-policy=no-user-gesture-required',
  ],
}

/**
 * A browser with the web app. `profile`: a directory that outlives a crash; `screen`: a name in
 * `SCREENS`; `scheme`: `light` or `dark`; `proxy`: the address of a network of `network.mjs`.
 * `errors` collects what the console must not have.
 */
export async function openApp(
  origin,
  { profile, screen = 'desktop', scheme = 'light', proxy } = {},
) {
  const look = { ...SCREENS[screen], colorScheme: scheme, locale: 'en-US' }
  const options = proxy ? { ...OPTIONS, proxy: { server: proxy } } : OPTIONS
  const browser = profile ? undefined : await chromium.launch(options)
  const context = browser
    ? await browser.newContext(look)
    : await chromium.launchPersistentContext(profile, { ...options, ...look })
  const page = context.pages()[0] ?? (await context.newPage())
  const errors = []
  const origins = new Set()
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    // The browser logs each response of 400 or more by itself.
    const isResponse = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !isResponse) errors.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, origin: of } = new URL(request.url())
    if (protocol.startsWith('http')) origins.add(of)
  })
  return {
    page,
    context,
    errors,
    origins,
    async go(path) {
      await page.goto(new URL(path, origin).href)
      await page.locator('main').waitFor()
    },
    async close() {
      await context.close()
      await browser?.close()
    },
  }
}

/** What axe-core finds on the page as it is: serious or critical, and everything else by name. */
export async function violations(page) {
  // A strict policy allows no inline script: the debugger may run one.
  const session = await page.context().newCDPSession(page)
  await session.send('Runtime.evaluate', { expression: await readFile(AXE, 'utf8') })
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { runOnly: ${JSON.stringify(RULES)} })
      .then(({ violations }) => JSON.stringify(violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((it) => it.target.join(' ')) }))))`,
    awaitPromise: true,
    returnByValue: true,
  })
  await session.detach()
  return JSON.parse(result.value)
}
