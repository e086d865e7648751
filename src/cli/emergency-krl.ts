import { buildSign1 } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { encodeKrl, type Krl, type RevokedKey } from '../domain/trust/krl.js'
import { labelOf } from '../domain/trust/labels.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { takeKrl } from '../domain/trust/take-krl.js'
import type { MessageSigner } from '../domain/cose/sign1.js'
import { toHex } from '../domain/bytes.js'
import { nextKrl } from './krl-change.js'
import type { HeldTrust } from './trust-store.js'

/** Room for lists that a signer in wrong hands may have signed meanwhile (trust.md §3). */
const NUMBERS_AHEAD = 1_000

/** Far ahead of the list that is held. */
export const emergencyNumber = (held: HeldTrust): number => (held.state.krl?.number ?? 0) + NUMBERS_AHEAD

/** The list that an emergency key is to sign: everything held, the key that is to go, and a number far ahead. */
export const emergencyKrl = (held: HeldTrust, entry: RevokedKey, now: number): Krl => ({
  ...nextKrl(held, { keys: [entry] }, now),
  number: emergencyNumber(held),
})

/**
 * Signs it, and judges it as a device will.
 * @throws Refusal `KEY_UNKNOWN` when the root lists that key for something else, or that of `takeKrl`.
 */
export async function signEmergencyKrl(
  held: HeldTrust,
  krl: Krl,
  signer: MessageSigner,
  now: number,
): Promise<Uint8Array> {
  const keyId = toHex(signer.keyId)
  if (held.state.root.roles.get('emergency-krl')?.keyIds.includes(keyId) !== true)
    throw new Refusal('KEY_UNKNOWN', { keyId, role: 'emergency-krl' })
  const bytes = await buildSign1(signer, encodeKrl(krl), labelOf('krl'))
  takeKrl(held.state, bytes, now, nativeAlgorithms)
  return bytes
}
