import { expect, it } from '@jest/globals'
import { concat, fromHex } from '../domain/bytes.js'
import { ED25519, ESP256 } from '../domain/cose/algorithms.js'
import { findMechanism } from './signing-mechanism.js'

// The base point of edwards25519 (RFC 8032 §5.1) and of P-256 (SEC 2 §2.4.2).
const x = fromHex(`58${'66'.repeat(31)}`)
const px = fromHex('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296')
const py = fromHex('4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5')
const find = (algorithm: number, ...point: (Uint8Array | number[])[]): unknown =>
  findMechanism(algorithm)?.findKey(concat(...point.map((part) => Uint8Array.from(part))))

it('reads a point raw or in an OCTET STRING', () => {
  for (const prefix of [[], [0x04, 0x20]]) expect(find(ED25519, prefix, x)).toEqual({ kind: 'ed25519', x })
  for (const prefix of [[], [0x04, 0x41]])
    expect(find(ESP256, prefix, [0x04], px, py)).toEqual({ kind: 'p256', x: px, y: py })
})

it.each<[string, number, (Uint8Array | number[])[]]>([
  ['nothing', ED25519, []],
  ['a BIT STRING', ED25519, [[0x03, 0x20], x]],
  ['a wrong inner length', ED25519, [[0x04, 0x21], x]],
  ['a byte too many', ED25519, [[0x04, 0x20], x, [0]]],
  ['a byte too few', ED25519, [x.subarray(1)]],
  ['two OCTET STRINGs', ED25519, [[0x04, 0x22, 0x04, 0x20], x]],
  ['an Ed448 point', ED25519, [new Uint8Array(57).fill(1)]],
  ['the neutral element, a point of small order', ED25519, [[1], new Uint8Array(31)]],
  ['a compressed point', ESP256, [[0x04, 0x21, 0x02], px]],
  ['a point off the curve', ESP256, [[0x04], py, px]],
  ['a hybrid point', ESP256, [[0x04, 0x41, 0x06], px, py]],
  ['an Ed25519 point', ESP256, [[0x04, 0x20], x]],
])('refuses %s', (_, algorithm, parts) => expect(find(algorithm, ...parts)).toBeNull())

it('knows no deprecated algorithm', () => {
  for (const algorithm of [-8, -7, 5, 0]) expect(findMechanism(algorithm)).toBeNull()
})
