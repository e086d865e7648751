import { toHex } from '../../../domain/bytes.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence, OtherDigests } from './evidence-kind.js'

/** A digest as documents write it: `SHA-256` in CycloneDX, `SHA256` in SPDX. */
export interface WrittenDigest {
  readonly algorithm: string
  readonly value: string
}

/**
 * Holds a document's own digests against the image. A document may leave them out; it may not name something else. Where there is no
 * SHA-256 the strongest other one is left to whoever has the bytes; SHA-1, MD5 and what else there is count for nothing.
 * @throws Refusal `EVIDENCE_MISMATCH`.
 */
export function judgeSubject(
  written: readonly WrittenDigest[],
  imageSha256: Uint8Array,
  field: string,
): Pick<Evidence, 'namesImage' | 'otherDigests'> {
  const by = (algorithm: string): string[] =>
    written
      .filter((each) => each.algorithm.replace('-', '').toLowerCase() === algorithm)
      .map((each) => each.value.toLowerCase())
  const digests = by('sha256')
  if (digests.length > 0) {
    requireNamed(digests, toHex(imageSha256), field)
    return { namesImage: true }
  }
  for (const algorithm of ['sha512', 'sha384'] as const)
    if (by(algorithm).length > 0)
      return { namesImage: false, otherDigests: { field, algorithm, digests: by(algorithm) } }
  return { namesImage: false }
}

/** @param expected of the bytes, by the algorithm of `claim`. @throws Refusal `EVIDENCE_MISMATCH`. */
export const requireOther = ({ digests, field }: OtherDigests, expected: string): void =>
  requireNamed(digests, expected, field)

function requireNamed(digests: readonly string[], expected: string, field: string): void {
  if (digests.includes(expected)) return
  throw new Refusal('EVIDENCE_MISMATCH', { field, expected, found: digests.slice(0, 4).join(' ') })
}
