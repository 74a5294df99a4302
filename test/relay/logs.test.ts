/** Everything a relay writes while people sign in, edit, fail to, and attack it: lines that parse, and nothing of anybody in them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signToken } from '../../server/relay/sign-token.js'
import { ask } from '../support/ask.js'
import { helloOf, openClient, openRaw, rawFrame, syncFrame, upgradeRequest } from '../support/hostile-client.js'
import { openNodeTab } from '../support/node-tab.js'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.js'
import { until } from '../support/until.js'

const DEVICE = 'device'.padEnd(22, '-')
/** Nobody's by chance. */
const WORDS = ['zanzibar-status', 'xylophone-name', 'quixotic-laptop', 'rhubarb-room', 'ordinary-octopus', 'wary-walrus', 'lonely-lemur']
const [STATUS, NAME, DEVICE_NAME, CHANNEL, ALICE, BOB, EVE] = WORDS as [string, string, string, string, string, string, string]
let relay: RelayProcess
const tokens: string[] = []

beforeAll(async () => { relay = await startRelayProcess(['--log-level', 'debug', '--drain', '0s']) })
afterAll(() => relay.close())

async function token(userId: string): Promise<string> {
  const issued = await relay.token(userId)
  tokens.push(issued)
  return issued
}

it('[T11] T27 T24 tells no token, no status, no user, no address; a line is a line', async () => {
  const people = await Promise.all([ALICE, BOB].map(async (userId) => openNodeTab({ userId, relayUrl: relay.url, token: await token(userId), channels: [CHANNEL], device: { name: DEVICE_NAME } })))
  const [alice, bob] = people as [typeof people[0], typeof people[0]]
  alice.watch([BOB])
  await alice.me.setPresence({ status: 'dnd', customStatus: `${STATUS}\u001b[31m\n{"level":"error"}`, emoji: '🐙' })
  await alice.me.setProfile({ name: NAME })
  await until(() => bob.peek(ALICE)?.customStatus?.startsWith(STATUS), 'bob sees it')
  await alice.me.sync()

  const stolen = await token(ALICE)
  const forged = [
    await signToken('another secret of thirty-two bytes', { userId: EVE, ttlMs: 60_000 }), await signToken('a secret of at least thirty-two bytes', { userId: EVE, ttlMs: 1_000 }, Date.now() - 600_000),
    `${stolen.slice(0, -4)}AAAA`, `${stolen}.${stolen}`, 'x.y.z',
  ]
  tokens.push(...forged)
  for (const bad of forged) {
    expect(await openClient(`${relay.url}/user/${EVE}`, bad).code()).toBe(4401)
    expect(await ask(relay.port, 'GET', `/v1/presence?user=${ALICE}`, { authorization: `Bearer ${bad}` })).toMatchObject({ status: 401 })
  }
  expect(await openClient(`${relay.url}/user/${BOB}`, stolen).code()).toBe(4403)
  const inAddress = openRaw(relay.port)
  inAddress.send(upgradeRequest(`/user/${EVE}?token=${stolen}`, null, [`X-Note: ${STATUS}\u2028`]))
  expect(await inAddress.status()).toBeGreaterThan(0)
  expect(await ask(relay.port, 'GET', `/v1/presence?user=${ALICE}&user=${BOB}&user=${EVE}`, { authorization: `Bearer ${stolen}` })).toMatchObject({ status: 200 })

  const eve = await token(EVE)
  for (const frames of [
    [`text ${STATUS}`], [helloOf(DEVICE, { name: DEVICE_NAME }), syncFrame(2, new TextEncoder().encode(STATUS))], [helloOf(DEVICE), new TextEncoder().encode(`\u0065${STATUS}`)], [Uint8Array.of(99)],
  ]) {
    const client = openClient(`${relay.url}/user/${EVE}`, eve)
    client.send(...frames)
    expect(await client.code()).toBe(4400)
  }
  const broken = openRaw(relay.port)
  broken.send(upgradeRequest(`/user/${EVE}`, eve))
  await broken.status()
  broken.send(rawFrame(0b1100_0010, STATUS))
  expect(await broken.code()).toBe(1002)

  await Promise.all(people.map((person) => person.close()))
  expect(await relay.terminate()).toBe(0)
  const [greeting, ...lines] = relay.said().trimEnd().split('\n')
  expect(greeting).toMatch(/^Porchlight listens at/)
  // It did write, of what was refused.
  expect(lines.length).toBeGreaterThan(5)
  for (const line of lines) {
    expect(line).toMatch(/^[ -~]+$/)
    expect(JSON.parse(line)).toMatchObject({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), level: expect.stringMatching(/^(debug|warn|error)$/), message: expect.any(String) })
  }
  const said = lines.join('\n')
  const secrets = [...tokens.flatMap((issued) => issued.split('.').filter((part) => part.length > 10)), ...WORDS, 'a secret of at least', '127.0.0.1', '::1', DEVICE, 'dnd', '🐙']
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
})
