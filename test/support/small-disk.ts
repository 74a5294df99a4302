/** A disk that can be filled: a tmpfs of its own, where the test may mount one. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly path: string
  /** To the last byte that it gives. */
  fill(): void
  /** Takes away what `fill` wrote. */
  free(): void
  unmount(): void
}

export function mountSmallDisk(sizeBytes: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'porchlight-small-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'porchlight', path]).status !== 0) {
    rmdirSync(path)
    return null
  }
  const ballast = join(path, 'ballast')
  return {
    path,
    fill() {
      mkdirSync(ballast, { recursive: true })
      const file = openSync(join(ballast, 'file'), 'a')
      for (let chunkBytes = 65_536; chunkBytes >= 1;) {
        try {
          writeSync(file, new Uint8Array(chunkBytes))
        } catch {
          chunkBytes /= 2
        }
      }
      closeSync(file)
    },
    free: () => rmSync(ballast, { recursive: true, force: true }),
    unmount() {
      spawnSync('umount', ['-l', path])
      rmdirSync(path)
    },
  }
}

/** As root, or in a user namespace of one's own; most often not. */
export const canMount: boolean = (() => {
  const disk = mountSmallDisk(65_536)
  disk?.unmount()
  return disk !== null
})()
