import { expect, it } from '@jest/globals'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { Refusal } from '../refusal.js'
import { ED25519, ESP256, canonicalSignature, nativeAlgorithms } from './algorithms.js'
import type { CoseKey } from './cose-key.js'
import { requireSignature, requireSignatureAside, type PinnedKey } from './verify.js'

const message = new TextEncoder().encode('what was signed')
const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(0, (bytes[0] ?? 0) ^ 1)
const codeOf = (error: unknown): string => (error instanceof Refusal ? error.code : String(error))

async function outcomes(
  pinned: PinnedKey,
  claimedAlg: number,
  of: Uint8Array,
  signature: Uint8Array,
): Promise<string[]> {
  const claimed = { alg: claimedAlg, keyId: new Uint8Array(32), signature }
  let here = 'valid'
  try {
    requireSignature(nativeAlgorithms, pinned, claimed, of)
  } catch (error) {
    here = codeOf(error)
  }
  return [here, await requireSignatureAside(nativeAlgorithms, pinned, claimed, of).then(() => 'valid', codeOf)]
}
const both = (outcome: string): string[] => [outcome, outcome]

it.each([
  ['Ed25519', makeSoftKey],
  ['ESP256', makeP256Key],
])('takes and refuses the same as on its own thread: %s', async (_, make) => {
  const [own, other]: [SoftKey, SoftKey] = [make(), make()]
  const signature = canonicalSignature(own.alg, await own.sign(message))
  const { alg } = own
  expect(await outcomes(own, alg, message, signature)).toEqual(both('valid'))
  expect(await outcomes(own, alg, flipped(message), signature)).toEqual(both('SIGNATURE_INVALID'))
  expect(await outcomes(own, alg, message, flipped(signature))).toEqual(both('SIGNATURE_INVALID'))
  expect(await outcomes(own, alg, message, signature.subarray(1))).toEqual(both('SIGNATURE_INVALID'))
  expect(await outcomes(other, alg, message, signature)).toEqual(both('SIGNATURE_INVALID'))
  expect(await outcomes(own, -8, message, signature)).toEqual(both('ALGORITHM_NOT_ALLOWED'))
  expect(await outcomes({ ...own, alg: -8 }, -8, message, signature)).toEqual(both('ALGORITHM_NOT_ALLOWED'))
  const swapped = alg === ED25519 ? ESP256 : ED25519
  expect(await outcomes({ ...own, alg: swapped }, swapped, message, signature)).toEqual(both('SIGNATURE_INVALID'))
})

it('takes one form of a signature, and no key that is none', async () => {
  const own = makeP256Key()
  const made = await own.sign(message)
  const low = canonicalSignature(ESP256, made)
  // n − s is the other form of the same signature.
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const s = BigInt(`0x${Buffer.from(low.subarray(32)).toString('hex')}`)
  const high = Uint8Array.from([
    ...low.subarray(0, 32),
    ...Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
  ])
  expect(await outcomes(own, ESP256, message, high)).toEqual(both('SIGNATURE_INVALID'))
  const offCurve: CoseKey = { kind: 'p256', x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(1) }
  expect(await outcomes({ key: offCurve, alg: ESP256 }, ESP256, message, low)).toEqual(both('SIGNATURE_INVALID'))
})
