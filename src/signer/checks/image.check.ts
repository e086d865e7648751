import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { Submission } from '../../domain/trust/submission.js'

/**
 * Check 6: this signer hashed the image's bytes itself, and they are as many as the engineer said.
 * @param knownSizeBytes what it counted while hashing; null when it never saw an image of that digest.
 * @throws Refusal `IMAGE_UNKNOWN`, `IMAGE_MISMATCH`, `IMAGE_TOO_LARGE`.
 */
export function requireImage(submission: Submission, knownSizeBytes: number | null, policy: Policy): void {
  if (knownSizeBytes === null) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(submission.imageSha256) })
  if (knownSizeBytes !== submission.imageSizeBytes) throw new Refusal('IMAGE_MISMATCH', { field: 'imageSizeBytes' })
  const limitBytes = policy.limits.maxImageBytes
  if (limitBytes !== undefined && knownSizeBytes > limitBytes)
    throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes: knownSizeBytes, limitBytes })
}
