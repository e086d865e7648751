import { describe, expect, it } from '@jest/globals'
import * as cborg from 'cborg'
import fc from 'fast-check'
import { fromHex, toHex } from '../bytes.js'
import { decodeCbor } from './decode.js'
import { encodeCbor } from './encode.js'
import { CborTag, type CborValue } from './value.js'

const refusal = (code: string, detail: object): Error =>
  expect.objectContaining({ name: 'Refusal', code, detail: expect.objectContaining(detail) }) as never

const key = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'binary', maxLength: 8 }))
const value: fc.Arbitrary<CborValue> = fc.letrec<{ item: CborValue }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().filter((n) => n > Number.MIN_SAFE_INTEGER + 1),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('item'), { maxLength: 5 }),
    fc.uniqueArray(fc.tuple(key, tie('item')), { maxLength: 5, selector: ([k]) => k }).map((pairs) => new Map(pairs)),
  ),
})).item

const wide = { maxBytes: 1_000_000, maxDepth: 16 }

describe('deterministic CBOR', () => {
  it('gives back what it encoded, and agrees with another implementation', () => {
    fc.assert(
      fc.property(value, (item) => {
        const bytes = encodeCbor(item)
        expect(toHex(encodeCbor(decodeCbor(bytes, wide)))).toBe(toHex(bytes))
        expect(() => cborg.decode(bytes, { useMaps: true, strict: true, rejectDuplicateMapKeys: true })).not.toThrow()
      }),
      { numRuns: 300 },
    )
  })

  it('accepts no second encoding of anything: whatever it accepts, it would write the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let item: CborValue
        try {
          item = decodeCbor(bytes, { ...wide, tags: [18] })
        } catch (error) {
          expect(error).toMatchObject({ name: 'Refusal' })
          return
        }
        expect(toHex(encodeCbor(item))).toBe(toHex(bytes))
      }),
      { numRuns: 20_000 },
    )
  })

  it('keeps a tag that was asked for', () => {
    expect(decodeCbor(fromHex('d201'), { ...wide, tags: [18] })).toEqual(new CborTag(18, 1))
  })

  it.each([
    ['an integer not in its shortest form', '1817', 'CBOR_NOT_CANONICAL', { why: 'integer not in its shortest form' }],
    ['a length not in its shortest form', '5800', 'CBOR_NOT_CANONICAL', { why: 'integer not in its shortest form' }],
    ['an 8-byte integer below 2^32', '1b00000000ffffffff', 'CBOR_NOT_CANONICAL', {}],
    ['map keys out of order', 'a202000100', 'CBOR_NOT_CANONICAL', { why: 'map keys out of order' }],
    ['a duplicate map key', 'a201000100', 'CBOR_NOT_CANONICAL', { why: 'duplicate map key' }],
    ['a duplicate byte-string key', 'a2410000410000', 'CBOR_NOT_CANONICAL', { why: 'duplicate map key' }],
    ['an indefinite array', '9f01ff', 'CBOR_MALFORMED', { why: 'indefinite length' }],
    ['an indefinite byte string', '5f4100ff', 'CBOR_MALFORMED', { why: 'indefinite length' }],
    ['a float', 'f93c00', 'CBOR_MALFORMED', { why: 'float' }],
    ['undefined', 'f7', 'CBOR_MALFORMED', { why: 'simple value' }],
    ['a tag nobody asked for', 'c100', 'CBOR_MALFORMED', { why: 'tag 1' }],
    ['trailing bytes', '0000', 'CBOR_MALFORMED', { why: 'trailing bytes' }],
    ['nothing', '', 'CBOR_MALFORMED', { why: 'unexpected end' }],
    ['an integer above 2^53-1', '1b0020000000000000', 'CBOR_MALFORMED', { why: 'integer above 2^53-1' }],
    ['an integer below -(2^53-1)', '3b001fffffffffffff', 'CBOR_MALFORMED', {}],
    ['text that is not UTF-8', '61ff', 'CBOR_MALFORMED', { why: 'text is not UTF-8' }],
    ['an array that claims more than there is', '9b001fffffffffffff', 'CBOR_MALFORMED', { why: 'unexpected end' }],
    ['a map that claims more than there is', 'bb001fffffffffffff', 'CBOR_MALFORMED', { why: 'unexpected end' }],
    ['a byte string that claims more than there is', '5b001fffffffffffff00', 'CBOR_MALFORMED', {}],
    ['a reserved additional information', '1c', 'CBOR_MALFORMED', { why: 'reserved additional information' }],
    ['an array as a map key', 'a18000', 'CBOR_MALFORMED', { why: 'map key of this type' }],
  ])('refuses %s', (_, hex, code, detail) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(refusal(code, detail))
  })

  it('refuses depth above the limit and size above the limit', () => {
    expect(() => decodeCbor(fromHex('81818100'), { maxBytes: 10, maxDepth: 3 })).toThrow(
      refusal('CBOR_TOO_LARGE', { limit: 3, what: 'depth' }),
    )
    expect(() => decodeCbor(new Uint8Array(11), { maxBytes: 10, maxDepth: 3 })).toThrow(
      refusal('CBOR_TOO_LARGE', { limit: 10, what: 'bytes' }),
    )
  })

  it('bounds integer keys of a map: who chooses many could have them all in one bucket of the engine', () => {
    const mapOf = (size: number): Uint8Array => encodeCbor(new Map(Array.from({ length: size }, (_, key) => [key, 0])))
    expect((decodeCbor(mapOf(256)) as Map<number, number>).size).toBe(256)
    expect(() => decodeCbor(mapOf(257))).toThrow(
      expect.objectContaining({ code: 'CBOR_TOO_LARGE', detail: { limit: 256, what: 'integer keys' } }),
    )
  })

  it('counts the items of arrays and maps before it makes the first, wherever they stand', () => {
    const limits = { ...wide, maxItems: 8 }
    expect(decodeCbor(fromHex('82820000a200000100'), limits)).toBeDefined()
    for (const hex of ['89' + '00'.repeat(9), 'a5' + '00'.repeat(10), '82' + '83000000' + '84' + '00000000'])
      expect(() => decodeCbor(fromHex(hex), limits)).toThrow(refusal('CBOR_TOO_LARGE', { limit: 8, what: 'items' }))
    const many = (count: number): Uint8Array => encodeCbor(Array.from({ length: count }, () => 0))
    expect(decodeCbor(many(16_384))).toHaveLength(16_384)
    expect(() => decodeCbor(many(16_385))).toThrow(refusal('CBOR_TOO_LARGE', { limit: 16_384, what: 'items' }))
  })
})
