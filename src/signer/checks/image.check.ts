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

/** More new images in a day than any product builds. Each is a record of the journal: without a bound it could be filled. */
const MOST_PER_DAY = 1_000

/** @throws Refusal `RATE_EXCEEDED`. */
export function requireImageRate(imagesInDay: number): void {
  if (imagesInDay >= MOST_PER_DAY)
    throw new Refusal('RATE_EXCEEDED', { limit: MOST_PER_DAY, what: 'new images per day' })
}
