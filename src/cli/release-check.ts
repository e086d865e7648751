import { equalBytes, fromHex, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { wrappedSha256 } from '../domain/suit/digest.js'
import { manifestSha256 } from '../domain/suit/envelope.js'
import { parseManifest, type Manifest } from '../domain/suit/manifest.js'
import { parseText } from '../domain/suit/text.js'
import { openSubmission, requireSubmissionFits } from '../domain/trust/check-submission.js'
import type { Policy } from '../domain/trust/policy.js'
import type { Submission } from '../domain/trust/submission.js'
import { floorOf, revokedKeysOf } from '../domain/trust/trust-state.js'
import { bytesOf, type ReleaseAnswer } from './api-answers.js'
import { findClassId } from './device-class.js'
import { requireImage, type HashedImage } from './firmware-bytes.js'
import { openSignedEnvelope } from './signed-envelope.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/** A release that an approver can judge: every word about it was checked here, against bytes and the held policy. */
export interface CheckedRelease {
  readonly manifestSha256: Uint8Array
  readonly manifest: Manifest
  readonly description: string
  readonly submission: Submission
  /** Person who submitted, by the policy. */
  readonly requester: string
}

/**
 * Holds what the server shows about a release against what can be known without it: the bytes as they were hashed
 * here, the engineer's signature under the policy held here, the manifest's own bytes.
 * @throws Refusal of the first thing that differs: `IMAGE_MISMATCH`, `SUBMITTER_UNKNOWN`, `SIGNATURE_INVALID`,
 *   `SUBMISSION_MISMATCH`, `DIGEST_MISMATCH`, `MANIFEST_TEMPLATE`, `MANIFEST_MISMATCH`, `WRONG_VENDOR`, `WRONG_CLASS`,
 *   `ROLLBACK`, `MANIFEST_REVOKED`, `IMAGE_TOO_LARGE`.
 * @see SECURITY.md, "what an approver's machine checks"
 */
export function checkRelease(held: HeldTrust, page: ReleaseAnswer, image: HashedImage, now: number): CheckedRelease {
  const policy = requirePolicy(held)
  requireImage(image, { sha256: page.imageSha256, sizeBytes: page.imageSizeBytes })
  const opened = openSubmission(bytesOf(page.submission), {
    policy,
    allowed: held.state.root.algorithms,
    revoked: revokedKeysOf(held.state),
    now,
    algorithms: nativeAlgorithms,
  })
  requireSubmittedImage(opened.submission, image)
  const bytes = bytesOf(page.manifest)
  const digest = manifestSha256(bytes)
  requireDigest('manifest', fromHex(page.manifestSha256), digest)
  const manifest = parseManifest(bytes)
  requirePage(page, manifest)
  requireDigest('text', manifest.textSha256, wrappedSha256(bytesOf(page.text)))
  const { description } = parseText(bytesOf(page.text))
  requireSubmissionFits(opened.submission, page.requestId, manifest)
  requireAllowed(held, policy, manifest, toHex(digest))
  return {
    manifestSha256: digest,
    manifest,
    description,
    submission: opened.submission,
    requester: opened.requester.name,
  }
}

/** A release that was signed before, as far as it is asked for again. */
export interface SignedRelease {
  readonly manifestSha256: Uint8Array
  readonly manifest: Manifest
  /** A listed key whose signature the envelope carries, hex; null when the root lists none of them any more. */
  readonly signedBy: string | null
}

/**
 * Holds a signed release against its own bytes: page, manifest, text and envelope say the same, a manifest key signed it, and
 * it may still be installed.
 * @throws Refusal `STATE`, `DIGEST_MISMATCH`, `SIGNATURE_MISSING`, `MANIFEST_MISMATCH`, `MANIFEST_REVOKED`, `ROLLBACK`, …
 */
export function checkSignedRelease(held: HeldTrust, page: ReleaseAnswer): SignedRelease {
  if (typeof page.envelope !== 'string')
    throw new Refusal('STATE', { what: 'release', state: page.state, wanted: 'signed' })
  const bytes = bytesOf(page.manifest)
  const digest = manifestSha256(bytes)
  const opened = openSignedEnvelope(held.state, bytesOf(page.envelope))
  requireDigest('manifest', fromHex(page.manifestSha256), digest)
  requireDigest('envelope', opened.manifestSha256, digest)
  const manifest = parseManifest(bytes)
  requirePage(page, manifest)
  requireDigest('text', manifest.textSha256, wrappedSha256(bytesOf(page.text)))
  requireAllowed(held, requirePolicy(held), manifest, toHex(digest))
  return { manifestSha256: digest, manifest, signedBy: opened.signedBy }
}

/** The bytes first: a swapped upload shows here even when everything else was made to fit it. */
function requireSubmittedImage(submission: Submission, image: HashedImage): void {
  if (toHex(submission.imageSha256) !== image.sha256) throw new Refusal('SUBMISSION_MISMATCH', { field: 'imageSha256' })
  if (submission.imageSizeBytes !== image.sizeBytes)
    throw new Refusal('SUBMISSION_MISMATCH', { field: 'imageSizeBytes' })
}

function requireDigest(what: string, named: Uint8Array, computed: Uint8Array): void {
  if (!equalBytes(named, computed))
    throw new Refusal('DIGEST_MISMATCH', { what, expected: toHex(named), found: toHex(computed) })
}

/** The page a person reads and the manifest that gets signed must say the same. */
function requirePage(page: ReleaseAnswer, manifest: Manifest): void {
  const classId = findClassId(page.classId)
  const rows: readonly (readonly [field: string, inManifest: string, onPage: string])[] = [
    ['version', manifest.version, page.version],
    ['sequence', String(manifest.sequence), String(page.sequence)],
    ['classId', toHex(manifest.classId), classId === null ? page.classId : toHex(classId)],
    ['imageSha256', toHex(manifest.imageSha256), page.imageSha256],
    ['imageSizeBytes', String(manifest.imageSizeBytes), String(page.imageSizeBytes)],
  ]
  for (const [field, inManifest, onPage] of rows)
    if (inManifest !== onPage) throw new Refusal('MANIFEST_MISMATCH', { field, manifest: inManifest, page: onPage })
}

function requireAllowed(held: HeldTrust, policy: Policy, manifest: Manifest, digest: string): void {
  if (!equalBytes(manifest.vendorId, policy.vendorId))
    throw new Refusal('WRONG_VENDOR', { expected: toHex(policy.vendorId), found: toHex(manifest.vendorId) })
  const classId = toHex(manifest.classId)
  if (!policy.classes.has(classId))
    throw new Refusal('WRONG_CLASS', { expected: [...policy.classes.keys()].join(', '), found: classId })
  const floor = floorOf(held.state, classId)
  if (manifest.sequence < floor) throw new Refusal('ROLLBACK', { offered: manifest.sequence, floor })
  if (held.state.krl?.manifests.has(digest) === true) throw new Refusal('MANIFEST_REVOKED', { digest })
  const limitBytes = policy.limits.maxImageBytes
  if (limitBytes !== undefined && manifest.imageSizeBytes > limitBytes)
    throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes: manifest.imageSizeBytes, limitBytes })
}
