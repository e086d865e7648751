import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { refusedBy } from '../../test/support/refused.js'
import { Refusal } from '../domain/refusal.js'
import { decodePlainCbor } from './plain-cbor.js'
import { encodeWireValue, type WireValue } from './wire-cbor.js'

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('plain CBOR', () => {
  it.each([
    ['of definite length', 'a2616101616282f5f6', { a: 1, b: [true, null] }],
    ['of indefinite length, as many libraries write it', 'bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
    ['with numbers that have a point', '82fb3ff8000000000000f93e00', [1.5, 1.5]],
    ['with a name that means something to the language', 'a1695f5f70726f746f5f5fa16178f5', { __proto_: { x: true } }],
  ])('%s is read', (_, hex, value) => {
    expect(decodePlainCbor(fromHex(hex))).toEqual(value)
  })

  it.each([
    ['nothing', '', 'CBOR_MALFORMED', { at: 0, why: 'ends early' }],
    ['bytes', '41ff', 'CBOR_MALFORMED', { at: 1, why: 'bytes or a tag' }],
    ['a tag', 'c11a514b67b0', 'CBOR_MALFORMED', { at: 1, why: 'bytes or a tag' }],
    ['a key that is a number', 'a10101', 'CBOR_MALFORMED', { at: 2, why: 'a key that is no text' }],
    ['an array of four thousand million', '9affffffff', 'CBOR_MALFORMED', { at: 5, why: 'ends early' }],
    ['a text longer than all', '7a7fffffff', 'CBOR_MALFORMED', { at: 5, why: 'ends early' }],
    ['text in pieces', '7f6161ff', 'CBOR_MALFORMED', { at: 1, why: 'a length that is none' }],
    ['an array without an end', '9f', 'CBOR_MALFORMED', { at: 1, why: 'ends early' }],
    ['two values', '0101', 'CBOR_MALFORMED', { at: 1, why: 'more after the end' }],
    ['half a float', 'fb3f', 'CBOR_MALFORMED', { at: 1, why: 'ends early' }],
    ['undefined', 'f7', 'CBOR_MALFORMED', { at: 1, why: 'a simple value' }],
    ['seventeen levels', '81'.repeat(17) + '01', 'CBOR_TOO_LARGE', { limit: 16, what: 'depth' }],
  ] as const)('%s is refused', (_, hex, code, detail) => {
    expect(refusedBy(() => decodePlainCbor(fromHex(hex)))).toEqual({ code, detail })
  })

  it('whatever comes, is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodePlainCbor(bytes)
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('comes back as it was written', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const { value } = fc.letrec<{ value: WireValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.boolean(),
        fc.integer(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,12}$/), tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(fc.property(value, (each) => expect(decodePlainCbor(encodeWireValue(each))).toEqual(each)))
  })
})
