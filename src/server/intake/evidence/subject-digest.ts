import { toHex } from '../../../domain/bytes.js'
import { Refusal } from '../../../domain/refusal.js'

/**
 * Whether a document's own digests name the image. A document may leave them out; it may not name something else.
 * @throws Refusal `EVIDENCE_MISMATCH`.
 */
export function namesImage(digests: readonly string[], imageSha256: Uint8Array, field: string): boolean {
  if (digests.length === 0) return false
  const expected = toHex(imageSha256)
  if (digests.some((digest) => digest.toLowerCase() === expected)) return true
  throw new Refusal('EVIDENCE_MISMATCH', { field, expected, found: digests.slice(0, 4).join(' ') })
}
