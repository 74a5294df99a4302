/** The least that a fan-out on `ws` can be: what one client sends goes to every client, at once, one `send` each. */
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type RawData } from 'ws'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) => {
  socket.on('error', () => undefined)
  socket.on('message', (data: RawData) => {
    for (const client of server.clients) client.send(data as Buffer)
  })
})
server.on('listening', () => console.log(`The bare server listens at 127.0.0.1:${(server.address() as AddressInfo).port}`))
