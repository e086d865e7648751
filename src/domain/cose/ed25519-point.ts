import { Point } from '@noble/ed25519'

const seen = new Map<string, boolean>()
const SEEN_LIMIT = 4_096

/**
 * True for a canonical encoding (RFC 8032 §5.1.3) of a point that is not of small order. With a small-order key
 * one signature fits many messages, and verifiers disagree about it.
 * Decoding costs a square root, so answers are remembered, up to a bound.
 */
export function isSafeEd25519Point(encoded: Uint8Array): boolean {
  const name = Buffer.from(encoded).toString('latin1')
  const known = seen.get(name)
  if (known !== undefined) return known
  const answer = decodes(encoded)
  if (seen.size >= SEEN_LIMIT) seen.clear()
  seen.set(name, answer)
  return answer
}

function decodes(encoded: Uint8Array): boolean {
  try {
    return !Point.fromBytes(encoded, false).isSmallOrder()
  } catch {
    return false
  }
}
