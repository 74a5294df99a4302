/** One socket in the room `watch`: a visitor who sees others and is nobody there. No user is opened, and nobody is present. */
import { CLOSE } from '../../src/protocol/close-codes.js'
import { WIRE } from '../../src/protocol/limits.js'
import { TYPE, decodeHello, encodeWelcome, typeOf, type WatchOperation } from '../../src/protocol/messages.js'
import { createSessionCore, type Session, type SessionPorts } from './session-core.js'

type ForVisitors = (typeof TYPE)['watch' | 'page' | 'auth']

export function openWatchSession(ports: SessionPorts): Session {
  const { hub, send } = ports
  let hasGreeted = false
  const core = createSessionCore(ports, {
    // Its device id is anybody's word, and means nothing here.
    deviceId: () => null, hasGreeted: () => hasGreeted, onJoined: () => undefined, endingOf: () => 'gone', onEnd: () => undefined,
  })
  const { signal, review, retryAfter, leave, end } = core
  return { receive, signal, review, retryAfter, leave, end }

  function receive(frame: Uint8Array): void {
    if (core.hasEnded()) return
    const type = typeOf(frame)
    switch (type) {
      case null: return core.refuse('it has no type')
      case TYPE.hello: return hasGreeted ? core.refuse('hello came twice') : greet(frame)
      case TYPE.watch:
      case TYPE.page:
      case TYPE.auth: return hasGreeted ? dispatch(type, frame) : core.refuse('hello comes first')
      default: return leave(CLOSE.forbidden, 'this room is for looking only')
    }
  }

  function dispatch(asked: ForVisitors, frame: Uint8Array): void {
    switch (asked) {
      case TYPE.watch: return core.watch(frame, isForVisitors)
      case TYPE.page: return core.page(frame)
      case TYPE.auth: return core.auth(frame)
      default: asked satisfies never
    }
  }

  function isForVisitors({ verb, id }: WatchOperation): boolean {
    if (verb === 'join') core.notice('forbidden', id, 'A visitor can see a channel, and not be in it.')
    return verb !== 'join'
  }

  function greet(frame: Uint8Array): void {
    const hello = decodeHello(frame)
    if (!hello.ok) return core.refuse(hello.reason)
    // Unanswered, it would wait in vain.
    if (!core.passes('messages')) return leave(CLOSE.rateLimited, 'too many messages')
    if (hello.value.version < WIRE.version) return leave(CLOSE.protocolTooOld, `version ${WIRE.version} is needed`)
    hasGreeted = true
    send(encodeWelcome({ version: WIRE.version, relayTime: hub.clock.now(), relayNumber: ports.relayNumber, sessionNumber: hub.nextSessionNumber(), stored: new Map() }))
  }
}
