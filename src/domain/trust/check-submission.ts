import { equalBytes } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import type { Manifest } from '../suit/manifest.js'
import { openPersonSigned } from './person-signature.js'
import type { Person, Policy } from './policy.js'
import type { RevokedKeys } from './signed-document.js'
import { parseSubmission, type Submission } from './submission.js'

export interface SubmissionContext {
  readonly policy: Policy
  /** Root field 11. */
  readonly allowed: readonly number[]
  readonly revoked: RevokedKeys
  readonly now: number
  readonly algorithms: AlgorithmTable
}

/**
 * Opens an engineer's submission (trust.md §4, check 5).
 * @returns the submission and the person, who is the requester and never counts as an approver.
 * @throws Refusal `SUBMITTER_UNKNOWN` when nobody or no engineer signed, `WRONG_NAMESPACE`, `KEY_*`, `SIGNATURE_INVALID`.
 */
export function openSubmission(
  bytes: Uint8Array,
  context: SubmissionContext,
): { submission: Submission; requester: Person; keyId: string } {
  const { policy, allowed, revoked, now, algorithms } = context
  const { payload, person, keyId } = openPersonSigned('submission', bytes, policy, allowed, revoked, now, algorithms)
  if (!person.roles.includes('engineer')) throw new Refusal('SUBMITTER_UNKNOWN', { keyId })
  const submission = parseSubmission(payload)
  if (submission.namespace !== policy.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: policy.namespace, found: submission.namespace })
  return { submission, requester: person, keyId }
}

/**
 * The manifest must be about what the engineer signed for.
 * @throws Refusal `SUBMISSION_MISMATCH` naming the field.
 */
export function requireSubmissionFits(submission: Submission, requestId: string, manifest: Manifest): void {
  const requireSame = (field: string, same: boolean): void => {
    if (!same) throw new Refusal('SUBMISSION_MISMATCH', { field })
  }
  requireSame('requestId', submission.requestId === requestId)
  requireSame('imageSha256', equalBytes(submission.imageSha256, manifest.imageSha256))
  requireSame('imageSizeBytes', submission.imageSizeBytes === manifest.imageSizeBytes)
  requireSame('version', submission.version === manifest.version)
  requireSame('classId', equalBytes(submission.classId, manifest.classId))
}
