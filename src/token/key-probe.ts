import { randomBytes } from 'node:crypto'
import { concat, utf8 } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import type { SigningMechanism } from './signing-mechanism.js'
import { canSign } from './token-capabilities.js'
import { toRefusal } from './token-failure.js'
import type { TokenKey } from './token.port.js'

type Sign = (message: Uint8Array) => Promise<Uint8Array>

/**
 * Refuses a token that says beforehand that it cannot sign this way.
 * @throws Refusal `TOKEN_FAILED`
 */
export function requireMechanism(cryptoki: Cryptoki, slot: Handle, mechanism: SigningMechanism): void {
  if (!canSign(cryptoki, slot, mechanism))
    throw new Refusal('TOKEN_FAILED', {
      step: `look for ${mechanism.mechanism}`,
      why: 'the token does not sign with it',
    })
}

/**
 * Proves by signing that the private key belongs to the public one. Twice, since there are tokens that fail the second time.
 * @throws Refusal `TOKEN_FAILED` saying which of the two failed.
 */
export async function requireWorkingKey(key: TokenKey, sign: Sign): Promise<void> {
  for (const which of ['first', 'second']) {
    const step = `${which} probe signature of ${key.keyId}`
    const isRight = await signProbe(key, which, sign).catch((error: unknown) => {
      const refusal = toRefusal(step, error)
      if (refusal.code !== 'TOKEN_FAILED' || !('why' in refusal.detail)) throw refusal
      throw new Refusal('TOKEN_FAILED', { step, why: String(refusal.detail.why) }, { cause: error })
    })
    if (!isRight) throw new Refusal('TOKEN_FAILED', { step, why: 'does not verify with the public key beside it' })
  }
}

/** Tries so many signatures at once. @returns false when one of them fails or is wrong: there are tokens that mix them up. */
export async function signsInParallel(key: TokenKey, count: number, sign: Sign): Promise<boolean> {
  const probes = Array.from({ length: count }, (_, index) => signProbe(key, `parallel ${index}`, sign))
  const results = await Promise.allSettled(probes)
  return results.every((result) => result.status === 'fulfilled' && result.value)
}

async function signProbe(key: TokenKey, which: string, sign: Sign): Promise<boolean> {
  // Begins like a CBOR text, so it can never be a Sig_structure (an array) that a verifier would accept.
  const message = concat(utf8(`countersign token probe, ${which}: `), randomBytes(32))
  return nativeAlgorithms.get(key.algorithm)?.verify(key.key, message, await sign(message)) === true
}
