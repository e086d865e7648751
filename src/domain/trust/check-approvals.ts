import { equalBytes } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { parseApproval, type Approval, type ApprovedImage } from './approval.js'
import { openPersonSigned } from './person-signature.js'
import type { Policy } from './policy.js'
import { isQuorumMet, parseQuorum } from './quorum.js'
import type { Operation } from './roles.js'
import type { RevokedKeys } from './signed-document.js'

/** What the approvals must be about. */
export interface ApprovedRequest {
  readonly operation: Operation
  readonly subjectSha256: Uint8Array
  readonly requestId: string
  /** Of a release; null for anything else. */
  readonly image: ApprovedImage | null
  /** Person who asked and is not counted; null where nobody is excluded. */
  readonly requester: string | null
}

export interface ApprovalContext {
  readonly policy: Policy
  /** Root field 11. */
  readonly allowed: readonly number[]
  readonly revoked: RevokedKeys
  readonly now: number
  readonly algorithms: AlgorithmTable
  /** Approvals that begin earlier are void, seconds: a signer was resumed then. Absent: none are. */
  readonly voidBefore?: number
}

export interface CheckedApproval {
  readonly approval: Approval
  readonly person: string
  readonly keyId: string
}

/**
 * Opens one approval and holds it against the request.
 * @throws Refusal `APPROVER_UNKNOWN`, `KEY_*`, `SIGNATURE_INVALID`, `APPROVAL_MISMATCH` naming the field, `APPROVAL_EXPIRED`,
 *   `APPROVAL_NOT_YET`, `APPROVAL_VOID`, `APPROVAL_ROLE`, `APPROVER_IS_REQUESTER`.
 */
export function checkApproval(bytes: Uint8Array, request: ApprovedRequest, context: ApprovalContext): CheckedApproval {
  const { policy, allowed, revoked, now, algorithms } = context
  const { payload, person, keyId } = openPersonSigned('approval', bytes, policy, allowed, revoked, now, algorithms)
  const approval = parseApproval(payload)
  requireAbout(approval, request, policy)
  if (now < approval.notBefore) throw new Refusal('APPROVAL_NOT_YET', { notBefore: approval.notBefore, now })
  const { voidBefore = 0 } = context
  if (approval.notBefore < voidBefore) throw new Refusal('APPROVAL_VOID', { notBefore: approval.notBefore, voidBefore })
  if (now >= approval.expires) throw new Refusal('APPROVAL_EXPIRED', { expires: approval.expires, now })
  const life = policy.limits.approvalLifeSeconds
  if (life !== undefined && approval.expires - approval.notBefore > life)
    throw new Refusal('APPROVAL_MISMATCH', { field: 'expires' })
  if (!person.roles.includes(approval.role))
    throw new Refusal('APPROVAL_ROLE', { person: person.name, role: approval.role })
  if (person.name === request.requester) throw new Refusal('APPROVER_IS_REQUESTER', { person: person.name })
  return { approval, person: person.name, keyId }
}

function requireAbout(approval: Approval, request: ApprovedRequest, policy: Policy): void {
  const requireSame = (field: string, same: boolean): void => {
    if (!same) throw new Refusal('APPROVAL_MISMATCH', { field })
  }
  if (approval.namespace !== policy.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: policy.namespace, found: approval.namespace })
  requireSame('operation', approval.operation === request.operation)
  requireSame('subject', equalBytes(approval.subjectSha256, request.subjectSha256))
  requireSame('requestId', approval.requestId === request.requestId)
  requireSame('policyVersion', approval.policyVersion === policy.version)
  const { image } = request
  if (image === null) return
  requireSame('imageSha256', approval.image !== undefined && equalBytes(approval.image.imageSha256, image.imageSha256))
  requireSame('imageSizeBytes', approval.image?.imageSizeBytes === image.imageSizeBytes)
  requireSame('sequence', approval.image?.sequence === image.sequence)
  requireSame('classId', approval.image !== undefined && equalBytes(approval.image.classId, image.classId))
  requireSame('version', approval.image?.version === image.version)
}

/**
 * Checks every approval, then counts distinct persons against the quorum of the policy (trust.md §4, check 12).
 * @param expression another quorum than that of the operation, for break-glass.
 * @throws Refusal of the first approval that is refused, `APPROVALS_MISSING`, `APPROVER_REPEATED`, `QUORUM_UNDEFINED`, `QUORUM_NOT_MET`.
 */
export function requireQuorum(
  approvals: readonly Uint8Array[],
  request: ApprovedRequest,
  context: ApprovalContext,
  expression = context.policy.quorums.get(request.operation),
): readonly CheckedApproval[] {
  const { operation } = request
  if (expression === undefined) throw new Refusal('QUORUM_UNDEFINED', { operation })
  // Evidence must exist before it is looped over: an empty list proves nothing.
  if (approvals.length === 0) throw new Refusal('APPROVALS_MISSING', { operation })
  const checked = approvals.map((bytes) => checkApproval(bytes, request, context))
  const persons = new Set<string>()
  for (const { person } of checked) {
    if (persons.has(person)) throw new Refusal('APPROVER_REPEATED', { person })
    persons.add(person)
  }
  const roles = checked.map(({ approval }) => approval.role)
  if (!isQuorumMet(parseQuorum(expression), roles)) throw new Refusal('QUORUM_NOT_MET', { operation })
  return checked
}
