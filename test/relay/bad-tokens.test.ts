/** FAULTS J1 to J6 where tokens are checked with public keys, against a server in a process of its own. */
import type { ChildProcess } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYNC } from '../../src/protocol/messages.js'
import { BAD_AUDIENCES } from '../support/bad-tokens.js'
import { bundleForNode, type Bundle } from '../support/bundle.js'
import { STEP_1, openClient, syncFrame, type HostileClient } from '../support/hostile-client.js'
import { killProcess, startProcess } from '../support/relay-process.js'

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'RS512']
const privateKeys = new Map<string, CryptoKey>()
const keys: JWK[] = []
let issuer: Server
let bundle: Bundle
let relay: ChildProcess
let url: string
let asked = 0

beforeAll(async () => {
  for (const alg of ALGORITHMS) {
    const pair = await generateKeyPair(alg, { extractable: true })
    keys.push({ ...await exportJWK(pair.publicKey), kid: alg, use: 'sig' })
    privateKeys.set(alg, pair.privateKey)
  }
  issuer = createServer((_, response) => {
    asked++
    response.end(JSON.stringify({ keys }))
  })
  await new Promise<void>((resolve) => { issuer.listen(0, '127.0.0.1', resolve) })
  bundle = await bundleForNode('test/support/relay-with-keys.ts')
  let said = ''
  relay = await startProcess([bundle.file, `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`, 'https://issuer.example', 'porchlight'], /listens at \d+/, {}, (text) => { said += text })
  url = `ws://127.0.0.1:${/listens at (\d+)/.exec(said)![1]}/user/alice`
})
afterAll(async () => {
  await killProcess(relay)
  bundle.remove()
  issuer.closeAllConnections()
  await new Promise((resolve) => { issuer.close(resolve) })
})

const good = (): object => ({ sub: 'alice', exp: Math.floor(Date.now() / 1_000) + 600, iss: 'https://issuer.example', aud: 'porchlight' })
const sign = (claims: object, alg: string, kid = alg): Promise<string> => new SignJWT({ ...claims }).setProtectedHeader({ alg, kid }).sign(privateKeys.get(alg)!)
function enter(token: string): HostileClient {
  const client = openClient(url, token)
  client.send(syncFrame(STEP_1, Uint8Array.of(0)))
  return client
}

describe('[T12] a token of an issuer with public keys', () => {
  it.each(['ES256', 'EdDSA', 'RS256'])('by %s opens the door', async (alg) => {
    const client = enter(await sign(good(), alg))
    await client.heard(SYNC)
    client.close()
  })

  it.each<[what: string, token: () => string | Promise<string>]>([
    ['[J1] of an algorithm that is not pinned', () => sign(good(), 'RS512')],
    ['[J1] of no algorithm', () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(good())).toString('base64url')}.`],
    ...[0, 1, 2].map((key): [string, () => Promise<string>] => [`[J2] with the public ${ALGORITHMS[key]} key as a secret`, () =>
      new SignJWT({ ...good() }).setProtectedHeader({ alg: 'HS256', kid: ALGORITHMS[key]! }).sign(new TextEncoder().encode(JSON.stringify(keys[key])))]),
    ['[J3] of a key that is unknown', () => sign(good(), 'ES256', 'unknown')],
    ['[J3] of a key that climbs', () => sign(good(), 'ES256', '../../keys')],
    ['[J3] of a key of another kind', () => sign(good(), 'ES256', 'RS256')],
    ['[J4] with its own key in its header', async () => {
      const own = await generateKeyPair('ES256', { extractable: true })
      return new SignJWT({ ...good() }).setProtectedHeader({ alg: 'ES256', kid: 'ES256', jwk: await exportJWK(own.publicKey) }).sign(own.privateKey)
    }],
    ['[J4] whose key is elsewhere', () => new SignJWT({ ...good() }).setProtectedHeader({ alg: 'ES256', kid: 'elsewhere', jku: 'https://evil.example/keys' }).sign(privateKeys.get('ES256')!)],
    ['[J10] signed by somebody else', async () => new SignJWT({ ...good() }).setProtectedHeader({ alg: 'ES256', kid: 'ES256' }).sign((await generateKeyPair('ES256')).privateKey)],
    ...BAD_AUDIENCES.map(([what, claims]): [string, () => Promise<string>] => [`[J6] of ${what}`, () => sign({ ...good(), ...claims }, 'ES256')]),
  ])('%s does not, and its issuer is not asked again and again', async (_, make) => {
    const before = asked
    const client = enter(await make())
    expect([await client.code(), client.frames]).toEqual([4_401, []])
    expect(asked - before).toBeLessThanOrEqual(1)
    expect(relay.exitCode).toBeNull()
  })
})
