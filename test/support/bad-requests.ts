/** FAULTS 4.5: bodies for `POST /demo/token` that are answered with 400, paths at which there is nothing, and pages that may not ask. */
import { POLLUTION } from './bad-awareness.js'

export const BAD_BODIES: readonly (readonly [what: string, body: string | Buffer])[] = [
  ['nothing', ''], ['null', 'null'], ['a list', '[]'], ['a word', '"x"'], ['a number', '7'], ['no JSON', '{userId:1}'], ['two values', '{"userId":"alice"}{}'],
  ['a byte order mark', '\ufeff{"userId":"alice"}'], ['bytes that are no UTF-8', Buffer.from('{"userId":"\xff"}', 'latin1')],
  ['8,000 levels of nothing', `${'['.repeat(8_000)}${']'.repeat(8_000)}`], ['depth beside a user', `{"userId":"alice","x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
  ['a key twice', '{"userId":"alice","userId":"bob"}'], ['a key twice, once escaped', '{"userId":"alice","user\\u0049d":"bob"}'],
  ['[T23] __proto__', `{"userId":"alice",${POLLUTION.slice(1)}`], ['[T23] constructor', '{"userId":"alice","constructor":{"prototype":{"polluted":true}}}'],
  ['no user', '{}'], ['an empty user', '{"userId":""}'], ['a user of 257 bytes', `{"userId":"${'x'.repeat(257)}"}`], ['a user that is a number', '{"userId":7}'],
  ['a user that is a list', '{"userId":["alice"]}'], ['a user named __proto__', '{"userId":"__proto__"}'], ['half a surrogate pair', '{"userId":"\\ud800"}'],
  ['a user with a line feed', '{"userId":"a\\r\\nSet-Cookie: x=1"}'],
  ['[R3] channels that are a word', '{"userId":"alice","channels":"general"}'], ['[R3] a channel that is a number', '{"userId":"alice","channels":[7]}'],
  ['[R3] 101 channels', JSON.stringify({ userId: 'alice', channels: Array.from({ length: 101 }, (_, channel) => `${channel}`) })],
]

export const LOST_PATHS: readonly string[] = [
  '/../../../../etc/passwd', '/..%2f..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd', '/%252e%252e/etc/passwd', '/..\\..\\etc\\passwd', '/..%5c..%5cetc%5cpasswd', '/%00', '/index.html%00.js',
  '/package.json', '/../package.json', '/cli.js', '/../cli.js', '/.env', '/assets', '//index.html', '//evil.example/index.html', '/./index.html', '/INDEX.HTML', '/index.html/', '/index.html;x', '*',
  'http://127.0.0.1/index.html', 'file:///etc/passwd', `/${'x'.repeat(8_000)}`, '/a:b', '/__proto__', '/constructor', '/healthz/', '/healthz%2f', '/demo/token/', '/demo/%74oken',
]

export const FOREIGN_PAGES: readonly string[] = ['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost', 'http://127.0.0.1.evil.example', 'https://app.example.com']
