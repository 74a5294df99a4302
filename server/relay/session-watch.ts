/** One socket in the room `watch`: a visitor who sees others and is nobody there. No user is opened, and nobody is present. */
import { CLOSE } from '../../src/protocol/close-codes.js'
import { WIRE } from '../../src/protocol/limits.js'
import { TYPE, decodeHello, encodeWelcome, typeOf, type WatchOperation } from '../../src/protocol/messages.js'
import type { Ending } from '../hub/device-link.js'
import { createSessionCore, type Session, type SessionCore, type SessionKind, type SessionPorts } from './session-core.js'

type ForVisitors = (typeof TYPE)['watch' | 'page' | 'auth']

export const openWatchSession = (ports: SessionPorts): Session => new VisitorSession(ports).session

/** A class, as the other kind of session is. */
class VisitorSession implements SessionKind {
  readonly #ports: SessionPorts
  readonly #core: SessionCore
  #isGreeted = false

  constructor(ports: SessionPorts) {
    this.#ports = ports
    this.#core = createSessionCore(ports, this)
  }

  get session(): Session {
    return this.#core
  }

  /** Its device id is anybody's word, and means nothing here. */
  deviceId(): null {
    return null
  }
  hasGreeted(): boolean {
    return this.#isGreeted
  }
  onJoined(): void {}
  endingOf(): Ending {
    return 'gone'
  }
  onEnd(): void {}

  receive(frame: Uint8Array): void {
    const type = typeOf(frame)
    switch (type) {
      case null: return this.#core.refuse('it has no type')
      case TYPE.hello: return this.#isGreeted ? this.#core.refuse('hello came twice') : this.#greet(frame)
      case TYPE.watch:
      case TYPE.page:
      case TYPE.auth: return this.#isGreeted ? this.#dispatch(type, frame) : this.#core.refuse('hello comes first')
      default: return this.#core.leave(CLOSE.forbidden, 'this room is for looking only')
    }
  }

  #dispatch(asked: ForVisitors, frame: Uint8Array): void {
    switch (asked) {
      case TYPE.watch: return this.#core.watch(frame, (operation) => this.#isForVisitors(operation))
      case TYPE.page: return this.#core.page(frame)
      case TYPE.auth: return this.#core.auth(frame)
      default: asked satisfies never
    }
  }

  #isForVisitors({ verb, id }: WatchOperation): boolean {
    if (verb === 'join') this.#core.notice('forbidden', id, 'A visitor can see a channel, and not be in it.')
    return verb !== 'join'
  }

  #greet(frame: Uint8Array): void {
    const hello = decodeHello(frame)
    if (!hello.ok) return this.#core.refuse(hello.reason)
    // Unanswered, it would wait in vain.
    if (!this.#core.passes('messages')) return this.#core.leave(CLOSE.rateLimited, 'too many messages')
    if (hello.value.version < WIRE.version) return this.#core.leave(CLOSE.protocolTooOld, `version ${WIRE.version} is needed`)
    this.#isGreeted = true
    this.#ports.send(encodeWelcome({ version: WIRE.version, relayTime: this.#ports.hub.clock.now(), relayNumber: this.#ports.relayNumber, sessionNumber: this.#ports.hub.nextSessionNumber(), stored: new Map() }))
  }
}
