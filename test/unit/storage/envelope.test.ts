import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openEnvelope, seal } from '../../../src/storage/envelope.js'
import { sealAs } from '../../contract/storage-contract.js'

const content = fc.uint8Array({ maxLength: 300 })

it('[ST3] gives back what was sealed', () => {
  fc.assert(fc.property(content, (bytes) => {
    expect(openEnvelope(seal(bytes))).toEqual({ ok: true, value: bytes })
  }))
})

it('[ST3] notices every truncation', () => {
  fc.assert(fc.property(content, (bytes) => {
    const sealed = seal(bytes)
    for (let length = 0; length < sealed.length; length++) expect(openEnvelope(sealed.subarray(0, length))).toEqual({ ok: false, reason: 'damaged' })
  }))
})

it('[ST3] notices every changed byte', () => {
  fc.assert(fc.property(content, fc.integer({ min: 1, max: 255 }), (bytes, difference) => {
    const sealed = seal(bytes)
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.slice()
      changed[index]! ^= difference
      expect(openEnvelope(changed)).toEqual({ ok: false, reason: 'damaged' })
    }
  }))
})

it('[ST3] notices bytes that were added', () => {
  fc.assert(fc.property(content, fc.uint8Array({ minLength: 1, maxLength: 9 }), (bytes, added) => {
    expect(openEnvelope(Uint8Array.from([...seal(bytes), ...added]))).toEqual({ ok: false, reason: 'damaged' })
  }))
})

it('[ST3] answers whatever it is given', () => {
  fc.assert(fc.property(fc.anything({ withTypedArray: true, withBigInt: true, withNullPrototype: true }), (value) => {
    expect(openEnvelope(value).ok).toBe(false)
  }))
})

it.each([
  ['undefined', undefined],
  ['an object that claims to be bytes', Object.create(Uint8Array.prototype)],
  ['a proxy of bytes', new Proxy(seal(new Uint8Array(3)), {})],
  ['another view', new DataView(seal(new Uint8Array(3)).buffer as ArrayBuffer)],
  ['clamped bytes', new Uint8ClampedArray(seal(new Uint8Array(3)))],
  ['zeros', new Uint8Array(64)],
])('[ST3] calls %s damaged', (_, value) => {
  expect(openEnvelope(value)).toEqual({ ok: false, reason: 'damaged' })
})

it('opens an envelope that lies within a larger buffer, without keeping that', () => {
  const larger = Uint8Array.from([1, 2, 3, ...seal(new Uint8Array([7])), 4])
  const opened = openEnvelope(larger.subarray(3, -1))
  expect(opened).toEqual({ ok: true, value: new Uint8Array([7]) })
  expect(opened.ok && opened.value.buffer).not.toBe(larger.buffer)
})

it.each([
  ['a newer version, undamaged, from damage', 2, 'newer'],
  ['the newest there can be', 255, 'newer'],
  ['a version that never was', 0, 'damaged'],
])('[ST3] tells %s', (_, version, reason) => {
  expect(openEnvelope(sealAs(version, [1, 2, 3]))).toEqual({ ok: false, reason })
})

it('[ST3] reads what version 1 wrote', () => {
  expect(seal(new Uint8Array([1, 2, 3]))).toEqual(sealAs(1, [1, 2, 3]))
})
