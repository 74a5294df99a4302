/** The demo and its issuer of tokens, which lets anybody be anybody: for this machine only. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseChannelId, parseUserId } from '../../src/model/arguments.js'
import { parsed, unreadable, type Parsed } from '../../src/model/json.js'
import type { ChannelId, JsonValue } from '../../src/presence-service.js'
import { isLoopbackHost, isOriginOf } from '../relay/origin.js'
import { expirySeconds, signToken } from '../relay/sign-token.js'
import { isMethod, sendJson, sendProblem, type HttpHandler } from './http-server.js'
import { readJsonBody } from './json-body.js'
import { serveFolder } from './static-files.js'

export interface DemoOptions {
  /** Of the built demo. */
  readonly folder: string
  readonly secret: string
  readonly now?: () => number
}

const TOKEN_TTL_MS = 600_000
const MAXIMUM_CHANNELS = 100

export function createDemo({ folder, secret, now = () => Date.now() }: DemoOptions): HttpHandler {
  const files = serveFolder(folder)
  return (request, response, path) => {
    // A name of an attacker's that DNS has made point at this machine would make us same-origin with their page.
    if (!isLoopbackHost(request.headers.host ?? '')) {
      sendProblem(response, 403, 'The demo is for this machine only: open it as localhost.')
      return true
    }
    return path === '/demo/token' ? issueToken(request, response) : files(request, response, path)
  }

  async function issueToken(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (!isMethod(request, response, 'POST')) return true
    const { origin, host } = request.headers
    if (origin !== undefined && !isOriginOf(origin, host!)) return refuse(response, 403, 'Only the demo itself may ask.')
    const body = await readJsonBody(request)
    if (!body.ok) return refuse(response, body.status, body.detail)
    const userId = parseUserId(body.value['userId'])
    if (!userId.ok) return refuse(response, 400, `${userId.reason} ${userId.remedy}`)
    const channels = parseChannels(body.value['channels'])
    if (!channels.ok) return refuse(response, 400, channels.reason)
    const issuedAt = now()
    sendJson(response, {
      token: await signToken(secret, { userId: userId.value, channels: channels.value, watch: '*', ttlMs: TOKEN_TTL_MS }, issuedAt),
      expiresAt: expirySeconds(issuedAt, TOKEN_TTL_MS) * 1_000,
    })
    return true
  }
}

function refuse(response: ServerResponse, status: number, detail: string): true {
  // What of the body is still to come is not waited for.
  sendProblem(response, status, detail, { Connection: 'close' })
  return true
}

function parseChannels(value: JsonValue | undefined): Parsed<readonly ChannelId[] | '*'> {
  if (value === undefined || value === '*') return parsed('*')
  if (!Array.isArray(value) || value.length > MAXIMUM_CHANNELS) return unreadable(`channels is not a list of at most ${MAXIMUM_CHANNELS} ids.`)
  const ids = (value as JsonValue[]).map(parseChannelId)
  return ids.every((id) => id.ok) ? parsed(ids.map((id) => id.value)) : unreadable('channels holds something that is not an id.')
}
