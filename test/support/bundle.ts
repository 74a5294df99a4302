import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('../..', import.meta.url))
let folders = 0

export interface Bundle {
  readonly folder: string
  /** What `entry` became; its packages are resolved as the project's own. */
  readonly file: string
  remove(): void
}

/** One of our modules as JavaScript that a Node process of its own can run. */
export async function bundleForNode(entry: string): Promise<Bundle> {
  const folder = join(root, '.porchlight/cache', `bundle-${process.pid}-${++folders}`)
  mkdirSync(folder, { recursive: true })
  const bundle = await rolldown({ input: join(root, entry), platform: 'node', external: /^[^./]/ })
  const file = join(folder, 'dist/bundle.mjs')
  await bundle.write({ file, format: 'esm', codeSplitting: false })
  await bundle.close()
  return { folder, file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
