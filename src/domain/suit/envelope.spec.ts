import { describe, expect, it } from '@jest/globals'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { sha256, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag, type CborKey, type CborValue } from '../cbor/value.js'
import { strictAlgorithms } from '../cose/algorithms.js'
import { parseSign1, sign1Message } from '../cose/sign1.js'
import { requireSignature } from '../cose/verify.js'
import { encodeSuitDigest, wrappedSha256 } from './digest.js'
import { buildBlock, encodeEnvelope, manifestSha256, MAX_ENVELOPE_BYTES, parseEnvelope } from './envelope.js'
import { encodeText, parseText } from './text.js'

const manifest = encodeCbor(new Map([[1, 1]]))
const text = encodeText({ description: 'A release' })
const digest = encodeSuitDigest(manifestSha256(manifest))
const envelopeOf = (...pairs: [CborKey, CborValue][]): Uint8Array => encodeCbor(new CborTag(107, new Map(pairs)))
const wrapper = (...items: CborValue[]): Uint8Array => encodeCbor(items)

it('hashes a manifest together with its byte-string header', () => {
  expect(toHex(manifestSha256(manifest))).toBe(toHex(sha256(Uint8Array.of(0x43, ...manifest))))
})

it('is taken apart into what it was made of', async () => {
  const key = makeSoftKey()
  const block = await buildBlock(key, manifestSha256(manifest))
  const envelope = parseEnvelope(encodeEnvelope(manifest, [block], text))
  expect(envelope).toEqual({ claimedSha256: manifestSha256(manifest), blocks: [block], manifest, text })
  expect(parseEnvelope(encodeEnvelope(manifest, [], null))).toMatchObject({ blocks: [], text: null })
  const parsed = parseSign1(block, MAX_ENVELOPE_BYTES)
  const message = sign1Message(parsed.protectedBytes, new Uint8Array(0), digest)
  expect(parsed.payload).toBeNull()
  expect(() => requireSignature(strictAlgorithms, key, parsed, message)).not.toThrow()
})

describe('refuses an envelope with', () => {
  const good: [CborKey, CborValue][] = [
    [2, wrapper(digest)],
    [3, manifest],
  ]
  it.each([
    ['no tag', encodeCbor(new Map(good)), 'tag 107'],
    ['an array for a map', encodeCbor(new CborTag(107, [])), 'tag 107'],
    ['no wrapper', envelopeOf([3, manifest]), '2'],
    ['no manifest', envelopeOf([2, wrapper(digest)]), '3'],
    ['a manifest that is not wrapped', envelopeOf([2, wrapper(digest)], [3, new Map()]), '3'],
    ['delegation', envelopeOf([1, wrapper()], ...good), '1'],
    ['a severed install', envelopeOf(...good, [20, wrapper()]), '20'],
    ['payload-fetch', envelopeOf(...good, [16, wrapper()]), '16'],
    ['an integrated payload', envelopeOf(...good, ['#fw', manifest]), '#fw'],
    ['a member of its own', envelopeOf(...good, [-257, manifest]), '-257'],
    ['text that is not wrapped', envelopeOf(...good, [23, new Map()]), '23'],
  ])('%s', (_, bytes, member) => {
    expect(refusedBy(() => parseEnvelope(bytes))).toEqual({ code: 'ENVELOPE_MEMBER', detail: { member } })
  })

  it.each([
    ['an empty wrapper', wrapper(), 'no digest in the authentication wrapper'],
    ['a wrapper that is a map', encodeCbor(new Map()), 'no digest in the authentication wrapper'],
    ['a digest that is not wrapped', wrapper('digest'), 'no digest in the authentication wrapper'],
    ['a block that is not wrapped', wrapper(digest, 1), 'a block is not a byte string'],
  ])('%s', (_, authentication, why) => {
    const bytes = envelopeOf([2, authentication], [3, manifest])
    expect(refusedBy(() => parseEnvelope(bytes))).toEqual({ code: 'ENVELOPE_BLOCK', detail: { why } })
  })

  it.each([
    ['SHA-384', [-43, new Uint8Array(32)]],
    ['31 bytes', [-16, new Uint8Array(31)]],
    ['a third member', [-16, new Uint8Array(32), 0]],
  ] as [string, CborValue][])('a digest of %s', (_, value) => {
    const bytes = envelopeOf([2, wrapper(encodeCbor(value))], [3, manifest])
    expect(refusedBy(() => parseEnvelope(bytes))).toEqual({
      code: 'MANIFEST_TEMPLATE',
      detail: { at: 'authentication wrapper', why: 'not a SHA-256 digest' },
    })
  })
})

describe('text', () => {
  it('is one English description, and its digest covers the header', () => {
    expect(parseText(text)).toEqual({ description: 'A release' })
    expect(toHex(wrappedSha256(text))).toBe(toHex(sha256(encodeCbor(text))))
  })

  it.each([
    ['another language', new Map([['de', new Map([[1, 'x']])]])],
    [
      'two languages',
      new Map([
        ['en', new Map([[1, 'x']])],
        ['de', new Map([[1, 'x']])],
      ]),
    ],
    [
      'a second member',
      new Map([
        [
          'en',
          new Map([
            [1, 'x'],
            [2, 'y'],
          ]),
        ],
      ]),
    ],
    ['no description', new Map([['en', new Map()]])],
    ['4,097 characters', new Map([['en', new Map([[1, 'x'.repeat(4_097)]])]])],
  ] as [string, CborValue][])('is refused with %s', (_, value) => {
    expect(refusedBy(() => parseText(encodeCbor(value)))).toEqual({
      code: 'MANIFEST_TEMPLATE',
      detail: { at: 'text', why: 'not one English description of at most 4096 characters' },
    })
  })
})
