import { createHash } from 'node:crypto'
import { Point } from '@noble/ed25519'
import { expect, it } from '@jest/globals'
import { concat, utf8 } from '../bytes.js'
import { ED25519, nativeAlgorithms, strictAlgorithms } from './algorithms.js'

/** Of order 8 (Taming the many EdDSAs, table 6b). */
const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
const order = Point.CURVE().n

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const bytesOf = (value: bigint): Uint8Array => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()

/** A signature with the scalar `secret` under whatever points are written for R and A. */
function signAs(a: Point, r: Point, message: Uint8Array): Uint8Array {
  const hash = createHash('sha512')
    .update(concat(r.toBytes(), a.toBytes(), message))
    .digest()
  return concat(r.toBytes(), bytesOf((nonce + (numberOf(hash) % order) * secret) % order))
}
const [secret, nonce] = [123_456_789_123_456_789n, 987_654_321_987_654_321n]
const [honestKey, honestR] = [Point.BASE.multiply(secret), Point.BASE.multiply(nonce)]

it.each([
  ['an honest one', honestKey, honestR],
  ['R with a part of small order', honestKey, honestR.add(torsion)],
  ['a key with a part of small order', honestKey.add(torsion), honestR],
])('a device takes no Ed25519 signature that a server refuses, nor the other way round: %s', (name, key, r) => {
  const answers = Array.from({ length: 24 }, (_, index) => {
    const message = utf8(`message ${index}`)
    const verify = [strictAlgorithms, nativeAlgorithms].map((table) =>
      table.get(ED25519)?.verify({ kind: 'ed25519', x: key.toBytes() }, message, signAs(key, r, message)),
    )
    expect([name, index, verify[0]]).toEqual([name, index, verify[1]])
    return verify[0]
  })
  if (key === honestKey) expect(new Set(answers)).toEqual(new Set([r === honestR]))
})
