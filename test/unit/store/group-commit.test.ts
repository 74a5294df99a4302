import { describe, expect, it } from 'vitest'
import { createGroupCommit } from '../../../server/store/group-commit.js'

describe('group commit', () => {
  it('writes what was saved in one turn at once', async () => {
    const disk = scriptedDisk()
    const commits = ['a', 'b', 'c'].map((save) => disk.commit(save))
    await disk.next().then((write) => write.succeed())
    await Promise.all(commits)
    expect(disk.written).toEqual([['a', 'b', 'c']])
  })

  it('gathers a thousand saves while one sync is under way, and writes them with the next', async () => {
    const disk = scriptedDisk()
    const first = disk.commit('first')
    const write = await disk.next()
    const others = Array.from({ length: 1_000 }, (_, save) => disk.commit(`${save}`))
    write.succeed()
    await first
    await disk.next().then((second) => second.succeed())
    await Promise.all(others)
    expect(disk.written).toHaveLength(2)
    expect(disk.written[1]).toEqual(Array.from({ length: 1_000 }, (_, save) => `${save}`))
  })

  it('acknowledges nothing before its own write is done', async () => {
    const disk = scriptedDisk()
    const acknowledged: string[] = []
    const first = disk.commit('first').then(() => acknowledged.push('first'))
    const write = await disk.next()
    const second = disk.commit('second').then(() => acknowledged.push('second'))
    write.succeed()
    const later = await disk.next()
    expect(acknowledged).toEqual(['first'])
    later.succeed()
    await Promise.all([first, second])
    expect(acknowledged).toEqual(['first', 'second'])
  })

  it('[F13] rejects all that a failed write carried, and goes on with the next', async () => {
    const disk = scriptedDisk()
    const failing = Promise.allSettled([disk.commit('a'), disk.commit('b')])
    const write = await disk.next()
    const next = disk.commit('c')
    write.fail(new Error('no space left'))
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await disk.next().then((second) => second.succeed())
    await expect(next).resolves.toBeUndefined()
  })

  it('forgets no save made at the moment the last write ends', async () => {
    const disk = scriptedDisk()
    const chain = disk.commit('first').then(() => disk.commit('second')).then(() => disk.commit('third'))
    for (let writes = 0; writes < 3; writes++) await disk.next().then((write) => write.succeed())
    await chain
    expect(disk.written).toEqual([['first'], ['second'], ['third']])
  })

  it('is settled once nothing waits', async () => {
    const disk = scriptedDisk()
    await disk.settled()
    let isSettled = false
    void disk.commit('a')
    const settled = disk.settled().then(() => { isSettled = true })
    const write = await disk.next()
    void disk.commit('b')
    write.succeed()
    const second = await disk.next()
    expect(isSettled).toBe(false)
    second.succeed()
    await settled
  })

  it('refuses to gather without end', async () => {
    const disk = scriptedDisk()
    for (let saves = 0; saves < 100_000; saves++) void disk.commit('save')
    await expect(disk.commit('one too many')).rejects.toMatchObject({ code: 'storage-unavailable' })
  })
})

interface ScriptedWrite {
  succeed(): void
  fail(error: Error): void
}

/** A disk whose every write waits for the test to say how it ends. */
function scriptedDisk() {
  const written: string[][] = []
  const writes: ScriptedWrite[] = []
  let arrived = () => {}
  const group = createGroupCommit<string>((groups) => new Promise((succeed, fail) => {
    written.push(groups.flat())
    writes.push({ succeed, fail })
    arrived()
  }))
  return { written, commit: (save: string) => group.commit([save]), settled: group.settled, next }

  async function next(): Promise<ScriptedWrite> {
    while (writes.length === 0) await new Promise<void>((resolve) => { arrived = resolve })
    return writes.shift()!
  }
}
