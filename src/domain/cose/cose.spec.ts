import { describe, expect, it } from '@jest/globals'
import { encodeSignAsGiven } from '../../../test/support/sign-as-given.js'
import { makeP256Key, makeSoftKey, makeSoftKeys, type SoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { compareBytes, equalBytes, toHex, utf8 } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag, type CborMap, type CborValue } from '../cbor/value.js'
import { nativeAlgorithms, strictAlgorithms } from './algorithms.js'
import { encodeProtected, parseProtected } from './headers.js'
import { encodeSign, makeOneSignature, MAX_SIGNATURES, parseSign, signMessage, type OneSignature } from './sign.js'
import { buildSign1, parseSign1, sign1Message } from './sign1.js'
import { requireSignature } from './verify.js'

const ed25519 = makeSoftKey()
const p256 = makeP256Key()
const payload = utf8('payload')
const label = utf8('countersign/krl/v1')
const MAX = 65_536
const keyIdBytes = new Uint8Array(32)

const header = (...pairs: [number, CborValue][]): Uint8Array => encodeCbor(new Map(pairs))
const good = header([1, -19], [4, keyIdBytes])
const tagged = (tag: number, ...members: CborValue[]): Uint8Array => encodeCbor(new CborTag(tag, members))
const none: CborMap = new Map()

describe('COSE_Sign1', () => {
  it.each([
    ['Ed25519', ed25519],
    ['ESP256', p256],
  ])('by %s is built, taken apart and verified by both tables', async (_, key) => {
    const parsed = parseSign1(await buildSign1(key, payload, label), MAX)
    expect(parsed).toMatchObject({ alg: key.alg, keyId: key.keyId, payload })
    const message = sign1Message(parsed.protectedBytes, label, payload)
    for (const table of [nativeAlgorithms, strictAlgorithms])
      expect(() => requireSignature(table, key, parsed, message)).not.toThrow()
  })

  it('leaves the payload out when it is detached, and signs the same', async () => {
    const attached = parseSign1(await buildSign1(ed25519, payload, label), MAX)
    const detached = parseSign1(await buildSign1(ed25519, payload, label, 'detached'), MAX)
    expect(detached.payload).toBeNull()
    expect(toHex(detached.signature)).toBe(toHex(attached.signature))
  })

  it.each([
    ['no tag', encodeCbor([good, none, payload, payload]), 'not a tagged COSE_Sign1'],
    ['three members', tagged(18, good, none, payload), 'COSE_Sign1 is not an array of 4'],
    ['five members', tagged(18, good, none, payload, payload, 0), 'COSE_Sign1 is not an array of 4'],
    ['a header that is a map', tagged(18, none, none, payload, payload), 'protected header is not a byte string'],
    [
      'a key id outside',
      tagged(18, good, new Map([[4, keyIdBytes]]), payload, payload),
      'unprotected header is not empty',
    ],
    ['a text payload', tagged(18, good, none, 'text', payload), 'payload is not a byte string'],
    ['no signature', tagged(18, good, none, payload, null), 'signature is not a byte string'],
  ])('refuses %s', (_, bytes, why) => {
    expect(refusedBy(() => parseSign1(bytes, MAX))).toEqual({ code: 'COSE_MALFORMED', detail: { why } })
  })

  it.each([
    [17, 'COSE_Mac0'],
    [97, 'COSE_Mac'],
    [98, 'COSE_Sign'],
    [16, 'COSE_Encrypt0'],
  ])('refuses tag %i, a %s', (tag) => {
    const bytes = tagged(tag, good, none, payload, payload)
    expect(refusedBy(() => parseSign1(bytes, MAX))).toEqual({
      code: 'CBOR_MALFORMED',
      detail: { at: 0, why: `tag ${tag}` },
    })
  })

  it('refuses more bytes than its bound before it reads any', () => {
    expect(refusedBy(() => parseSign1(new Uint8Array(101), 100))).toEqual({
      code: 'CBOR_TOO_LARGE',
      detail: { limit: 100, what: 'bytes' },
    })
  })
})

describe('the protected header', () => {
  it('is exactly algorithm and key id', () => {
    expect(parseProtected(encodeProtected(-19, keyIdBytes))).toEqual({ alg: -19, keyId: keyIdBytes })
    expect(parseProtected(header([1, -19]))).toEqual({ alg: -19, keyId: null })
  })

  it.each([
    ['no algorithm', header([4, keyIdBytes]), 'no algorithm in the protected header'],
    ['a named algorithm', header([1, 'EdDSA']), 'no algorithm in the protected header'],
    ['a short key id', header([1, -19], [4, new Uint8Array(31)]), 'keyid is not 32 bytes'],
    ['a text key id', header([1, -19], [4, 'key']), 'keyid is not 32 bytes'],
    ['a content type', header([1, -19], [3, 0], [4, keyIdBytes]), 'unexpected member in the protected header'],
    ['a critical list', header([1, -19], [2, 1]), 'unexpected member in the protected header'],
    ['an array', encodeCbor([]), 'protected header is not a map'],
  ])('is refused with %s', (_, bytes, why) => {
    expect(refusedBy(() => parseProtected(bytes))).toEqual({ code: 'COSE_MALFORMED', detail: { why } })
  })
})

describe('a signature', () => {
  const message = sign1Message(good, label, payload)
  const claim = (alg: number, signature: Uint8Array): Parameters<typeof requireSignature>[2] => ({
    alg,
    keyId: ed25519.keyId,
    signature,
  })
  const invalid = { code: 'SIGNATURE_INVALID', detail: { keyId: ed25519.keyIdHex } }

  it.each([
    ['no bytes', () => new Uint8Array(0)],
    ['zeros', () => new Uint8Array(64)],
    ['a byte too few', (whole: Uint8Array) => whole.slice(0, 63)],
    ['a byte too many', (whole: Uint8Array) => Uint8Array.of(...whole, 0)],
    ['itself twice', (whole: Uint8Array) => Uint8Array.of(...whole, ...whole)],
  ])('of %s is invalid for both tables', async (_, spoil) => {
    const signature = spoil(await ed25519.sign(message))
    for (const table of [nativeAlgorithms, strictAlgorithms])
      expect(refusedBy(() => requireSignature(table, ed25519, claim(-19, signature), message))).toEqual(invalid)
  })

  it.each([
    ['EdDSA', -8],
    ['ES256', -7],
    ['HMAC 256/256', 5],
    ['the other profile', -9],
    ['none at all', 0],
  ])('that claims %s is refused for that alone, though it is good', async (_, alg) => {
    const signature = await ed25519.sign(message)
    expect(refusedBy(() => requireSignature(nativeAlgorithms, ed25519, claim(alg, signature), message))).toEqual({
      code: 'ALGORITHM_NOT_ALLOWED',
      detail: { alg },
    })
  })

  it.each([-8, -7, 5])('is refused under a key that is pinned to %i: no table has such a row', async (alg) => {
    const signature = await ed25519.sign(message)
    const pinned = { key: ed25519.key, alg }
    for (const table of [nativeAlgorithms, strictAlgorithms])
      expect(refusedBy(() => requireSignature(table, pinned, claim(alg, signature), message))).toEqual({
        code: 'ALGORITHM_NOT_ALLOWED',
        detail: { alg },
      })
  })

  it('is invalid under a key of another kind, whatever the pin says', async () => {
    const pinned = { key: p256.key, alg: -19 }
    const signature = await ed25519.sign(message)
    expect(refusedBy(() => requireSignature(nativeAlgorithms, pinned, claim(-19, signature), message))).toEqual(invalid)
  })

  it.each([
    ['another label', sign1Message(good, utf8('countersign/freshness/v1'), payload)],
    ['no label', sign1Message(good, new Uint8Array(0), payload)],
    ['another payload', sign1Message(good, label, utf8('other'))],
    ['the form of COSE_Sign', signMessage(good, label, payload)],
  ])('does not fit %s', async (_, other) => {
    const signature = await ed25519.sign(message)
    expect(refusedBy(() => requireSignature(strictAlgorithms, ed25519, claim(-19, signature), other))).toEqual(invalid)
  })

  it('by a point off its curve is invalid, not an error', () => {
    const pinned = {
      key: { kind: 'p256' as const, x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) },
      alg: -9,
    }
    const claimed = { alg: -9, keyId: null, signature: new Uint8Array(64).fill(1) }
    expect(refusedBy(() => requireSignature(nativeAlgorithms, pinned, claimed, message))).toEqual({
      code: 'SIGNATURE_INVALID',
      detail: { keyId: '' },
    })
  })
})

describe('COSE_Sign', () => {
  const signedBy = async (...keys: SoftKey[]): Promise<Uint8Array> =>
    encodeSign(payload, await Promise.all(keys.map((key) => makeOneSignature(key, payload, label))))
  const one: CborValue = [good, none, payload]

  it('holds signatures of both profiles, each over its own header', async () => {
    const { payload: found, signatures } = parseSign(await signedBy(ed25519, p256), MAX)
    expect(found).toEqual(payload)
    for (const key of [ed25519, p256]) {
      const signature = signatures.find(({ keyId }) => equalBytes(keyId, key.keyId))
      if (signature === undefined) throw new Error('a signature is missing')
      const message = signMessage(signature.protectedBytes, label, payload)
      expect(() => requireSignature(nativeAlgorithms, key, signature, message)).not.toThrow()
    }
  })

  it.each([
    ['no tag', encodeCbor([new Uint8Array(0), none, payload, [one]]), 'not a tagged COSE_Sign'],
    ['a body header', tagged(98, good, none, payload, [one]), 'body header is not empty'],
    ['an empty map as body header', tagged(98, encodeCbor(none), none, payload, [one]), 'body header is not empty'],
    [
      'an unprotected member',
      tagged(98, new Uint8Array(0), new Map([[4, 0]]), payload, [one]),
      'unprotected header is not empty',
    ],
    ['no payload', tagged(98, new Uint8Array(0), none, null, [one]), 'payload is not a byte string'],
    [
      'too many signatures',
      tagged(
        98,
        new Uint8Array(0),
        none,
        payload,
        Array.from({ length: MAX_SIGNATURES + 1 }, () => one),
      ),
      'signatures are not an array of at most 64',
    ],
    [
      'signatures that are none',
      tagged(98, new Uint8Array(0), none, payload, 0),
      'signatures are not an array of at most 64',
    ],
    [
      'a signature of two members',
      tagged(98, new Uint8Array(0), none, payload, [[good, none]]),
      'signature is not an array of 3',
    ],
    [
      'a key id outside of a signature',
      tagged(98, new Uint8Array(0), none, payload, [[good, new Map([[4, keyIdBytes]]), payload]]),
      'unprotected header is not empty',
    ],
  ])('refuses %s', (_, bytes, why) => {
    expect(refusedBy(() => parseSign(bytes, MAX))).toEqual({ code: 'COSE_MALFORMED', detail: { why } })
  })

  it('has one order: it is written in it, and read in no other', async () => {
    const keys = [...makeSoftKeys(3), p256].toSorted((one, other) => compareBytes(one.keyId, other.keyId))
    const sorted = await signedBy(...keys.toReversed())
    const { signatures } = parseSign(sorted, MAX)
    expect(signatures.map(({ keyId }) => toHex(keyId))).toEqual(keys.map(({ keyIdHex }) => keyIdHex))
    expect(encodeSignAsGiven(payload, signatures)).toEqual(sorted)
    const [first, second, third, fourth] = signatures as [OneSignature, OneSignature, OneSignature, OneSignature]
    const read = (...given: OneSignature[]) => refusedBy(() => parseSign(encodeSignAsGiven(payload, given), MAX))
    const order = { code: 'COSE_MALFORMED', detail: { why: 'signatures are not in ascending order of their keyids' } }
    expect(read(second, first, third, fourth)).toEqual(order)
    expect(read(first, second, fourth, third)).toEqual(order)
    expect(read(first, second, third, first)).toEqual(order)
    expect(read(first, second, second)).toEqual({
      code: 'SIGNATURE_DUPLICATE',
      detail: { keyId: toHex(second.keyId) },
    })
  })

  it('refuses a COSE_Sign1 and a MAC', () => {
    for (const tag of [18, 97])
      expect(refusedBy(() => parseSign(tagged(tag, good, none, payload, [one]), MAX))).toEqual({
        code: 'CBOR_MALFORMED',
        detail: { at: 0, why: `tag ${tag}` },
      })
  })
})
