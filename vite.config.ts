import { fileURLToPath } from 'node:url'
import type { UserConfig, UserConfigFnObject } from 'vite'

const inProject = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What `import 'porchlight…'` names, and the command. */
const entries = {
  index: inProject('src/index.ts'),
  server: inProject('server/index.ts'),
  cli: inProject('server/cli.ts'),
}

/** One build of all entries, so that what browser and relay share exists once. */
const library: UserConfig = {
  publicDir: false,
  build: {
    target: 'es2022',
    minify: false,
    sourcemap: true,
    reportCompressedSize: false,
    // The types and the demo are written beside it at the same time.
    emptyOutDir: false,
    lib: { entry: entries, formats: ['es'] },
    rolldownOptions: {
      external: (id) => !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('\0') && !Object.values(entries).includes(id),
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: 'chunks/[name].js',
        banner: (chunk) => (chunk.isEntry && chunk.name === 'cli' ? '#!/usr/bin/env node' : ''),
      },
    },
  },
}

/** The demo is a client of the public entry points; it is built from their sources. */
const demo: UserConfig = {
  root: inProject('demo'),
  base: './',
  resolve: { alias: [{ find: /^porchlight$/, replacement: entries.index }] },
  build: { target: 'es2022', outDir: inProject('dist/demo'), emptyOutDir: true, sourcemap: true, reportCompressedSize: false },
}

const config: UserConfigFnObject = ({ mode }) => (mode === 'library' ? library : demo)

export default config
