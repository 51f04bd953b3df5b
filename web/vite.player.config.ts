import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { defineConfig, type Plugin } from 'vite'

/** The worker of hls.js, beside the player: a strict Content-Security-Policy allows no worker from a `blob:` URL. */
const worker: Plugin = {
  name: 'worker',
  generateBundle() {
    const source = readFileSync(createRequire(import.meta.url).resolve('hls.js/dist/hls.worker.js'))
    this.emitFile({ type: 'asset', fileName: 'edgereel-player-worker.js', source })
  },
}

// The player as a file with a fixed name, without dependencies: any page can load it.
export default defineConfig({
  plugins: [worker],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist/assets',
    emptyOutDir: false,
    assetsInlineLimit: 0,
    lib: { entry: 'src/player/element.ts', formats: ['es'], fileName: () => 'edgereel-player.js' },
    rolldownOptions: { output: { codeSplitting: false, minify: true } },
  },
})
