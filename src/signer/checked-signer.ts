import { fromHex } from '../domain/bytes.js'
import { canonicalSignature, nativeAlgorithms } from '../domain/cose/algorithms.js'
import type { MessageSigner } from '../domain/cose/sign1.js'
import { requireSignature, requireSignatureAside } from '../domain/cose/verify.js'
import type { RootKey } from '../domain/trust/root.js'
import type { Token } from '../token/token.port.js'
import { atCheckAsync } from './checks/at-check.js'

/** With what a process signs. */
export interface SigningGround {
  readonly token: Token
  /** Whether nobody else waits for this process; otherwise another thread verifies. */
  readonly isAlone: () => boolean
}

/**
 * Checks 17 and 18: one signature in the token, then verified with the public key of the root document and not with
 * anything the token says. A signature that fails never leaves.
 */
export function checkedSigner({ token, isAlone }: SigningGround, key: RootKey): MessageSigner {
  const keyId = fromHex(key.keyId)
  return {
    alg: key.alg,
    keyId,
    sign: async (message) => {
      const made = await atCheckAsync(17, () => token.sign(key.keyId, key.alg, message))
      const signature = canonicalSignature(key.alg, made)
      const check = isAlone() ? requireSignature : requireSignatureAside
      await atCheckAsync(18, async () => check(nativeAlgorithms, key, { alg: key.alg, keyId, signature }, message))
      return signature
    },
  }
}
