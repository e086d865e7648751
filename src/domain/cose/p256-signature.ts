import { concat, fromHex, toHex } from '../bytes.js'

// NIST SP 800-186 §3.2.1.3: the order of the group.
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/**
 * Of an ECDSA signature r ‖ s with an s above half of the order: r ‖ order − s, which is valid for the same message.
 * Anybody can make one of the other, so only the lower one counts: else a courier could give one KRL two hashes.
 */
export function lowerP256Signature(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${toHex(signature.subarray(32))}`)
  if (s <= order >> 1n || s >= order) return signature
  return concat(signature.subarray(0, 32), fromHex((order - s).toString(16).padStart(64, '0')))
}
