/** The `hex` blocks of docs/PROTOCOL.md, as bytes: pairs of digits, texts in single quotes, and remarks after a semicolon. */
import { readFileSync } from 'node:fs'

export const protocolPage: string = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')

export const readVectors = (markdown: string): Map<string, Uint8Array> =>
  new Map([...markdown.matchAll(/^```hex (.+)\n([^]*?)^```$/gm)].map(([, name, block]) => [name!, bytesOf(block!)]))

function bytesOf(block: string): Uint8Array {
  const tokens = block.split('\n').flatMap((line) => [...line.matchAll(/;.*$|'([^']*)'|(\S+)/g)])
  return new Uint8Array(Buffer.concat(tokens.map(([token, text, pair]) => {
    if (token.startsWith(';')) return Buffer.alloc(0)
    if (text !== undefined) return Buffer.from(text)
    if (!/^[\da-f]{2}$/.test(pair!)) throw new Error(`"${pair}" is no byte.`)
    return Buffer.from(pair!, 'hex')
  })))
}
