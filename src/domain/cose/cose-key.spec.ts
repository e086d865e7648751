import { describe, expect, it } from '@jest/globals'
import { makeP256Key, makeSoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { fromHex, sha256, toHex } from '../bytes.js'
import type { CborKey, CborValue } from '../cbor/value.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, keyIdOf } from './cose-key.js'

// RFC 8032 §7.1, test 1: a public key that is in no doubt.
const x = fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
const y = new Uint8Array(32).fill(1)

it('is named by the hash of its deterministic COSE_Key', () => {
  const written = fromHex(`a301012006215820${toHex(x)}`)
  expect(toHex(keyIdOf({ kind: 'ed25519', x }))).toBe(toHex(sha256(written)))
})

it.each([
  ['Ed25519', makeSoftKey().key],
  ['P-256', makeP256Key().key],
])('%s is read back as it was written, under the same name', (_, key) => {
  const read = coseKeyFromCbor(coseKeyToCbor(key))
  expect(read).toEqual(key)
  expect(keyIdHexOf(read)).toBe(toHex(keyIdOf(key)))
})

describe('refuses', () => {
  const map = (...pairs: [CborKey, CborValue][]): CborValue => new Map(pairs)
  const kind = 'kind of key not admitted'
  const point = 'not a canonical point, or one of small order'
  it.each([
    ['what is no map', [] as CborValue, 'not a map'],
    ['a private key', map([1, 1], [-1, 6], [-2, x], [-4, x]), kind],
    ['a key with an algorithm', map([1, 1], [3, -19], [-1, 6], [-2, x]), kind],
    ['X25519', map([1, 1], [-1, 4], [-2, x]), kind],
    ['P-384', map([1, 2], [-1, 2], [-2, x], [-3, y]), kind],
    ['a compressed P-256 point', map([1, 2], [-1, 1], [-2, x], [-3, true]), 'member -3 is not 32 bytes'],
    ['31 bytes', map([1, 1], [-1, 6], [-2, x.slice(1)]), 'member -2 is not 32 bytes'],
    ['no x', map([1, 1], [-1, 6]), 'member -2 is not 32 bytes'],
    ['the neutral point', map([1, 1], [-1, 6], [-2, Uint8Array.of(1, ...new Uint8Array(31))]), point],
    ['a point of order 2', map([1, 1], [-1, 6], [-2, fromHex(`ec${'ff'.repeat(30)}7f`)]), point],
    ['a point written above the prime', map([1, 1], [-1, 6], [-2, fromHex(`ee${'ff'.repeat(30)}7f`)]), point],
  ])('%s', (_, value, why) => {
    expect(refusedBy(() => coseKeyFromCbor(value))).toEqual({ code: 'KEY_MALFORMED', detail: { why } })
  })
})
