import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { Disk } from './disk.js'

/** Its log is read whole at every start: small, so that a start is short. */
const LOG_BYTES = 1_048_576

/** A folder of a real file system. LevelDB leaves alone what bears none of its own names. */
export function createLevelDisk(path: string): Disk {
  const headFile = join(path, 'porchlight-head')
  let synced: ReadonlySet<string> = new Set()

  return {
    path,
    level: new ClassicLevel(path, { writeBufferSize: LOG_BYTES }),
    create,
    probe,
    async syncLogNames() {
      const logs = (await readdir(path)).filter((name) => name.endsWith('.log'))
      if (!logs.every((name) => synced.has(name))) await syncFolder(path)
      synced = new Set(logs)
      return logs
    },
    readHead: () => readFile(headFile, 'utf8').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return null
      throw error
    }),
    async writeHead(text) {
      const file = await open(headFile, 'r+').catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return open(headFile, 'w')
        throw error
      })
      try {
        // In place: what is so short is written whole or not at all.
        await file.write(text, 0)
        await file.datasync()
      } finally {
        await file.close()
      }
    },
  }

  async function create() {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined) return
    for (let made = resolve(path); made.length >= resolve(first).length; made = dirname(made)) await syncFolder(dirname(made))
  }

  async function probe() {
    const probeFile = join(path, 'porchlight-probe')
    const file = await open(probeFile, 'w')
    try {
      await file.writeFile(new Uint8Array(2 * LOG_BYTES))
      await file.sync()
    } finally {
      await file.close()
      await rm(probeFile, { force: true })
    }
  }
}

async function syncFolder(path: string) {
  const folder = await open(path, 'r').catch((error: unknown) => {
    // Windows opens no folders, and keeps their names by itself; one above ours may be closed to us.
    if (isCode(error, 'EISDIR') || isCode(error, 'EPERM') || isCode(error, 'EACCES')) return null
    throw error
  })
  try {
    await folder?.sync()
  } finally {
    await folder?.close()
  }
}

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code
