import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeP256Key, type SoftKey } from '../../../test/support/soft-key.js'
import { concat, fromHex, toHex } from '../bytes.js'
import { nativeAlgorithms, strictAlgorithms } from './algorithms.js'
import { lowerP256Signature } from './p256-signature.js'
import { makeOneSignature } from './sign.js'
import { buildSign1, parseSign1, sign1Message } from './sign1.js'
import { requireSignature } from './verify.js'

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const withS = (signature: Uint8Array, s: bigint): Uint8Array =>
  concat(signature.subarray(0, 32), fromHex(s.toString(16).padStart(64, '0')))
const sOf = (signature: Uint8Array): bigint => BigInt(`0x${toHex(signature.subarray(32))}`)
const isLow = (signature: Uint8Array): boolean => sOf(signature) <= order / 2n
const message = new Uint8Array(100).fill(5)

/** A token that gives the higher form each time. */
function highKey(): SoftKey {
  const key = makeP256Key()
  const sign = async (signed: Uint8Array): Promise<Uint8Array> => {
    const signature = await key.sign(signed)
    return isLow(signature) ? withS(signature, order - sOf(signature)) : signature
  }
  return { ...key, sign }
}

describe('the lower form of an ECDSA signature', () => {
  it('is that with an s of at most half of the order; what is no s stays as it is', () => {
    const r = new Uint8Array(32).fill(7)
    const lowered = (s: bigint): bigint => sOf(lowerP256Signature(withS(r, s)))
    const half = order / 2n
    expect([1n, half, half + 1n, order - 1n].map(lowered)).toEqual([1n, half, half, 1n])
    for (const s of [0n, order, order + 1n]) expect(lowered(s)).toBe(s)
    const low = withS(r, half)
    expect(lowerP256Signature(low)).toBe(low)
  })

  it('is the only one that is counted, though both are valid', async () => {
    const key = highKey()
    const high = await key.sign(message)
    const claim = (signature: Uint8Array) => ({ alg: key.alg, keyId: key.keyId, signature })
    for (const table of [nativeAlgorithms, strictAlgorithms]) {
      expect(table.get(key.alg)?.verify(key.key, message, high)).toBe(true)
      expect(() => requireSignature(table, key, claim(lowerP256Signature(high)), message)).not.toThrow()
      expect(refusedBy(() => requireSignature(table, key, claim(high), message))).toEqual({
        code: 'SIGNATURE_INVALID',
        detail: { keyId: key.keyIdHex },
      })
    }
  })

  it('is what our documents carry, whatever the token gives', async () => {
    const key = highKey()
    const label = new Uint8Array(3)
    const parsed = parseSign1(await buildSign1(key, message, label), 1_000)
    const signed = sign1Message(parsed.protectedBytes, label, message)
    expect(() => requireSignature(strictAlgorithms, key, parsed, signed)).not.toThrow()
    expect(isLow((await makeOneSignature(key, message, label)).signature)).toBe(true)
  })
})
