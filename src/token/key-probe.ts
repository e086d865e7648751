import { randomBytes } from 'node:crypto'
import { concat, utf8 } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF } from './cryptoki.js'
import type { SigningMechanism } from './signing-mechanism.js'
import { toRefusal } from './token-failure.js'
import type { TokenKey } from './token.port.js'

/**
 * Refuses a token that says beforehand that it cannot sign this way.
 * @throws Refusal `TOKEN_FAILED`
 */
export function requireMechanism(cryptoki: Cryptoki, slot: Handle, mechanism: SigningMechanism): void {
  const step = `look for ${mechanism.name}`
  try {
    if ((cryptoki.C_GetMechanismInfo(slot, mechanism.sign).flags & CKF.SIGN) !== 0) return
  } catch (error) {
    throw toRefusal(step, error)
  }
  throw new Refusal('TOKEN_FAILED', { step, why: 'the token does not sign with it' })
}

/**
 * Proves by signing that the private key belongs to the public one. Twice, since there are tokens that fail the second time.
 * @throws Refusal `TOKEN_FAILED` saying which of the two failed.
 */
export async function requireWorkingKey(
  key: TokenKey,
  sign: (message: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  for (const which of ['first', 'second']) {
    // Begins like a CBOR text, so it can never be a Sig_structure (an array) that a verifier would accept.
    const message = concat(utf8(`countersign token probe, ${which}: `), randomBytes(32))
    const step = `${which} probe signature of ${key.keyId}`
    const signature = await sign(message).catch((error: unknown) => {
      const refusal = toRefusal(step, error)
      if (refusal.code !== 'TOKEN_FAILED' || !('why' in refusal.detail)) throw refusal
      throw new Refusal('TOKEN_FAILED', { step, why: String(refusal.detail.why) }, { cause: error })
    })
    if (nativeAlgorithms.get(key.algorithm)?.verify(key.key, message, signature) !== true)
      throw new Refusal('TOKEN_FAILED', { step, why: 'does not verify with the public key beside it' })
  }
}
