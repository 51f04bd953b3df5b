import { existsSync, readFileSync } from 'node:fs'
import { defineConfig, type Plugin, type ProxyOptions } from 'vite'

/** The URL and the token of a running `edgereel dev`, for `npm run dev`. */
function installation(): { api: string; token: string } | undefined {
  const file = process.env.EDGEREEL_DEV_JSON ?? '../.edgereel/dev.json'
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { api: string; token: string }) : undefined
}

const dev = installation()

/** Sends requests of the dev server to `edgereel dev`, with the token of the installation. */
function proxy(): Record<string, ProxyOptions> {
  if (!dev) return {}
  const target = { target: dev.api, headers: { authorization: `Bearer ${dev.token}` } }
  const page = (request: { headers: Record<string, unknown> }) =>
    String(request.headers.accept).includes('text/html') ? '/index.html' : undefined
  return { '/v1': target, '/v/': { target: dev.api }, '/sign-in/oidc': target, '/shared': { ...target, bypass: page } }
}

/** The player is a file of its own: in development, its address leads to its source. */
const player: Plugin = {
  name: 'player',
  configureServer(server) {
    server.middlewares.use((request, _, next) => {
      if (request.url === '/assets/edgereel-player.js') request.url = '/src/player/element.ts'
      next()
    })
  },
}

export default defineConfig({
  plugins: [player],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: proxy() },
  build: {
    target: 'es2022',
    // A page with `Content-Security-Policy: img-src 'self'` loads no `data:` URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Named by their folders: `library-....js`.
        chunkFileNames: ({ facadeModuleId }) => {
          const folder = /\/src\/([a-z-]+)\/pages?\.tsx$/.exec(facadeModuleId ?? '')?.[1]
          return `assets/${folder ?? '[name]'}-[hash].js`
        },
      },
    },
  },
  test: { include: ['tests/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0] & { test: unknown })
