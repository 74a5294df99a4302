import { describe, expect, it } from 'vitest'
import { readConfiguration, variableOf } from '../../server/config.js'
import { HELP } from '../../server/help.js'

const SECRET = 's'.repeat(32)
const read = (line: string, environment = {}) => readConfiguration(line.split(' ').filter((word) => word !== ''), environment)
const command = (line: string, environment = {}) => {
  const configuration = read(line, environment)
  return configuration.ok ? configuration.command : expect.unreachable(configuration.reason)
}

describe('porchlight relay', () => {
  it('needs nothing but a secret', () => {
    expect(command(`relay --secret ${SECRET}`)).toEqual({
      name: 'relay', host: '127.0.0.1', port: 8787, store: { storage: 'memory' }, secret: SECRET, isDemo: false, drainMs: 10_000, logLevel: 'warn',
    })
  })

  it('takes everything as arguments', () => {
    const line = `relay --port 0 --host=0.0.0.0 --store level:./a:b --secret ${SECRET} --channel-feed-limit 50`
      + ' --allowed-origin https://a.example --allowed-origin=https://b.example,app://desktop --drain 1m --log-level debug'
    expect(command(line)).toEqual({
      name: 'relay', host: '0.0.0.0', port: 0, store: { storage: 'level', path: './a:b' }, secret: SECRET, isDemo: false, drainMs: 60_000, logLevel: 'debug',
      channelFeedLimit: 50, allowedOrigins: ['https://a.example', 'https://b.example', 'app://desktop'],
    })
  })

  it('takes everything from the environment', () => {
    expect(command('relay', {
      PORCHLIGHT_PORT: '80', PORCHLIGHT_HOST: '::1', PORCHLIGHT_STORE: 'level:/var/lib/porchlight', PORCHLIGHT_SECRET: SECRET, PORCHLIGHT_DEMO: '1',
      PORCHLIGHT_DRAIN: '5s', PORCHLIGHT_LOG_LEVEL: 'error', PORCHLIGHT_CHANNEL_FEED_LIMIT: '50', PORCHLIGHT_ALLOWED_ORIGIN: 'https://a.example, https://b.example',
    })).toEqual({
      name: 'relay', host: '::1', port: 80, store: { storage: 'level', path: '/var/lib/porchlight' }, secret: SECRET, isDemo: true, drainMs: 5_000, logLevel: 'error',
      channelFeedLimit: 50, allowedOrigins: ['https://a.example', 'https://b.example'],
    })
  })

  it('believes an argument more than the environment, and the later of two arguments', () => {
    expect(command(`relay --port 1 --port 2 --secret ${SECRET} --allowed-origin https://b.example`, { PORCHLIGHT_PORT: '3', PORCHLIGHT_ALLOWED_ORIGIN: 'https://a.example' }))
      .toMatchObject({ port: 2, allowedOrigins: ['https://b.example'] })
  })

  it('takes an empty variable for none', () => {
    expect(command('relay', { PORCHLIGHT_PORT: '', PORCHLIGHT_DEMO: '', PORCHLIGHT_SECRET: SECRET })).toMatchObject({ port: 8787, isDemo: false })
  })

  it('lets its clients go at once where it shows the demo', () => {
    expect(command(`relay --demo --secret ${SECRET}`)).toMatchObject({ drainMs: 0 })
    expect(command(`relay --demo --drain 2s --secret ${SECRET}`)).toMatchObject({ drainMs: 2_000 })
  })

  it('takes a secret that begins with a dash', () => {
    expect(command(`relay --secret --${SECRET} --demo`)).toMatchObject({ secret: `--${SECRET}`, isDemo: true })
  })

  it.each(['127.0.0.1', 'localhost', '127.3.2.1', '::1'])('shows the demo at %s', (host) => {
    expect(command(`relay --demo --host ${host} --secret ${SECRET}`)).toMatchObject({ isDemo: true, host })
  })
  it.each(['0.0.0.0', '::', '192.168.1.7', 'presence.example.com', 'localhost.example.com'])('refuses to show the demo at %s', (host) => {
    expect(read(`relay --demo --host ${host} --secret ${SECRET}`)).toMatchObject({ ok: false, reason: expect.stringContaining(host) })
    expect(command(`relay --demo=false --host ${host} --secret ${SECRET}`)).toMatchObject({ isDemo: false, host })
  })
})

describe('porchlight token', () => {
  it('needs a user and a secret, and grants ten minutes', () => {
    expect(command(`token alice --secret ${SECRET}`)).toEqual({ name: 'token', secret: SECRET, grant: { userId: 'alice', ttlMs: 600_000 } })
  })
  it('takes channels, watches and a time', () => {
    expect(command(`token --channels a,b --watch * alice --ttl 2h --secret ${SECRET}`)).toEqual({
      name: 'token', secret: SECRET, grant: { userId: 'alice', channels: ['a', 'b'], watch: '*', ttlMs: 7_200_000 },
    })
  })
  it('takes a name that is also that of an option', () => {
    expect(command(`token alice --channels watch --watch ttl --secret ${SECRET}`)).toMatchObject({ grant: { channels: ['watch'], watch: ['ttl'] } })
  })
  it('takes a user whose name begins with a dash after --', () => {
    expect(command(`token --secret ${SECRET} -- --help`)).toMatchObject({ grant: { userId: '--help' } })
  })
})

it.each([
  ['', 'porchlight'], ['--help', 'porchlight'], ['-h', 'porchlight'], ['help', 'porchlight'], ['relay --help', 'relay'], ['relay -h', 'relay'],
  ['help relay', 'relay'], ['token alice --help', 'token'], ['relay --port x --help', 'relay'],
])('"porchlight %s" asks for help about %s', (line, about) => {
  expect(command(line)).toEqual({ name: 'help', about })
})
it.each(['--version', '-v'])('"porchlight %s" asks for the version', (line) => {
  expect(command(line)).toEqual({ name: 'version' })
})

it.each([
  ['rellay', 'not a command', 'Did you mean "relay"?'],
  ['who', 'not a command', 'See porchlight --help.'],
  ['help tokn', 'not a command', 'Did you mean "token"?'],
  ['relay --prot 80', '"--prot" is not an option', 'Did you mean "--port"?'],
  ['relay --allowed-orgin=x', 'not an option', 'Did you mean "--allowed-origin"?'],
  ['relay --redis redis://x', 'not an option', 'See porchlight relay --help.'],
  ['relay -p 80', '"-p" is not an option', 'See porchlight relay --help.'],
  ['relay --no-demo', 'not an option', 'See porchlight relay --help.'],
  ['relay --ttl 10m', 'not an option', 'See porchlight relay --help.'],
  ['token alice --port 80', 'not an option', 'See porchlight token --help.'],
  ['relay --port', '--port has no value', 'See porchlight relay --help.'],
  ['relay --secret --demo', '--secret has no value', 'See porchlight relay --help.'],
  ['relay --host=', '--host has no value', 'See porchlight relay --help.'],
  [`relay extra --secret ${SECRET}`, 'no "extra"', 'See porchlight relay --help.'],
  ['relay', 'no secret', 'openssl rand -base64 32'],
  ['relay --secret tooshort', 'too short', 'openssl rand -base64 32'],
  [`relay --secret ${SECRET} --port 65536`, '--port 65536', 'from 0 to 65535'],
  [`relay --secret ${SECRET} --port 0x50`, '--port 0x50', 'whole number'],
  [`relay --secret ${SECRET} --port -1`, '--port -1', 'whole number'],
  [`relay --secret ${SECRET} --port 80.5`, '--port 80.5', 'whole number'],
  [`relay --secret ${SECRET} --channel-feed-limit 0`, '--channel-feed-limit 0', 'from 1'],
  [`relay --secret ${SECRET} --store disk`, '--store disk', 'level:DIR'],
  [`relay --secret ${SECRET} --store level:`, '--store level:', 'level:DIR'],
  [`relay --secret ${SECRET} --drain 10`, '--drain 10', '10s'],
  [`relay --secret ${SECRET} --drain 61s`, '--drain 61s', 'at most 1m'],
  [`relay --secret ${SECRET} --log-level loud`, '--log-level loud', 'debug, warn, error'],
  [`relay --secret ${SECRET} --demo=maybe`, '--demo', 'PORCHLIGHT_DEMO=1'],
  [`relay --secret ${SECRET} --allowed-origin null`, 'anybody', 'https://app.example.com'],
  [`relay --secret ${SECRET} --allowed-origin https://a.example/`, 'allowed-origin', 'as the browser writes it'],
  [`token --secret ${SECRET}`, 'Whose token', 'porchlight token alice'],
  [`token Grace Hopper --secret ${SECRET}`, 'one user', '"Grace Hopper"'],
  [`token __proto__ --secret ${SECRET}`, 'userId', '256 bytes'],
  [`token ${'x'.repeat(257)} --secret ${SECRET}`, 'userId', '256 bytes'],
  [`token alice --secret ${SECRET} --ttl 10`, '--ttl 10', '10m'],
  [`token alice --secret ${SECRET} --ttl 0m`, '--ttl 0m', '10m'],
  [`token alice --secret ${SECRET} --ttl 367d`, '--ttl 367d', '366d'],
  [`token alice --secret ${SECRET} --ttl 1e9s`, '--ttl 1e9s', '10m'],
  [`token alice --secret ${SECRET} --channels a,constructor`, '--channels', 'commas'],
])('"porchlight %s" is refused, with a reason and what to do', (line, reason, remedy) => {
  expect(read(line)).toEqual({ ok: false, reason: expect.stringContaining(reason), remedy: expect.stringContaining(remedy) })
})

it('[T11] never repeats a secret', () => {
  expect(JSON.stringify(read('relay --secret hunter2'))).not.toContain('hunter2')
  expect(JSON.stringify(read('relay', { PORCHLIGHT_SECRET: 'hunter2' }))).not.toContain('hunter2')
})

it.each(['relay', 'token'] as const)('the help of %s names every option it takes, and no other', (about) => {
  const named = new Set([...HELP[about].matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag!))
  const taken: string[] = []
  for (const flag of ['port', 'host', 'store', 'secret', 'demo', 'channel-feed-limit', 'allowed-origin', 'drain', 'log-level', 'channels', 'watch', 'ttl']) {
    const configuration = read(`${about} --${flag} x`)
    if (configuration.ok || !configuration.reason.includes('is not an option')) taken.push(flag)
  }
  expect([...named].sort()).toEqual(taken.sort())
})

it('names variables after options', () => {
  expect(variableOf('channel-feed-limit')).toBe('PORCHLIGHT_CHANNEL_FEED_LIMIT')
})
