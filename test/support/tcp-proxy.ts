/** The network between a page and a relay, which a test can cut or swallow: CDP's *offline* leaves open sockets alone. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  /** As `relayUrl`. */
  readonly url: string
  /** Resets every connection, and refuses new ones. */
  cut(): void
  /** Accepts everything and passes nothing on, either way; what was sent meanwhile is lost, and no end is told. */
  blackhole(): void
  /** New connections get through again; those that lost bytes never do. */
  up(): void
  close(): Promise<void>
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let state: 'up' | 'cut' | 'blackhole' = 'up'
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.on('error', ignore)
    if (state === 'cut') return near.resetAndDestroy()
    const pair = join(near, state === 'blackhole' ? null : connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true }))
    pairs.add(pair)
    near.on('close', () => pairs.delete(pair))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      state = 'cut'
      for (const pair of pairs) pair.reset()
    },
    blackhole() {
      state = 'blackhole'
      for (const pair of pairs) pair.swallow()
    },
    up() { state = 'up' },
    async close() {
      for (const pair of pairs) pair.reset()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Pair {
  reset(): void
  swallow(): void
}

function join(near: Socket, far: Socket | null): Pair {
  let isSwallowing = far === null
  if (far) {
    pass(near, far)
    pass(far, near)
  } else near.resume()
  return {
    reset() {
      near.resetAndDestroy()
      far?.resetAndDestroy()
    },
    swallow() { isSwallowing = true },
  }

  function pass(from: Socket, to: Socket): void {
    from.on('data', (bytes) => { if (!isSwallowing && to.writable) to.write(bytes) })
    from.on('end', () => { if (!isSwallowing) to.end() })
    from.on('error', ignore)
    from.on('close', (hadError) => {
      if (isSwallowing) return
      hadError ? to.resetAndDestroy() : to.end()
    })
  }
}

const ignore = (): void => undefined
