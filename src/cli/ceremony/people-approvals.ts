import { sha256, toHex } from '../../domain/bytes.js'
import type { MessageSigner } from '../../domain/cose/sign1.js'
import { requireQuorum, type ApprovedRequest } from '../../domain/trust/check-approvals.js'
import type { Operation } from '../../domain/trust/roles.js'
import { approvalContext, approvalLife, requireApproverRole, signApproval } from '../approval-signing.js'
import { requirePolicy } from '../trust-store.js'
import { requireHeld } from './ceremony-trust.js'
import type { CeremonyContext, Counted } from './ceremony-kind.js'
import { requestIdOf, type ApprovedPayload } from './request-file.js'

const requestOf = (payload: Uint8Array, operation: Operation): ApprovedRequest => ({
  operation,
  subjectSha256: sha256(payload),
  requestId: requestIdOf(payload),
  image: null,
  requester: null,
})

/** @throws Refusal `APPROVER_UNKNOWN`, `APPROVAL_ROLE`, `QUORUM_UNDEFINED`. */
export function approvesAs(keyId: string, operation: Operation, context: CeremonyContext): string {
  const policy = requirePolicy(requireHeld(context))
  const { role } = requireApproverRole(policy, keyId, operation, context.role)
  return `approval as ${role} under policy ${policy.version}`
}

/** One person's approval of the payload. @throws Refusal of what the signer would refuse. */
export function approvePayload(
  payload: Uint8Array,
  operation: Operation,
  signer: MessageSigner,
  context: CeremonyContext,
): Promise<Uint8Array> {
  const held = requireHeld(context)
  const policy = requirePolicy(held)
  const { role } = requireApproverRole(policy, toHex(signer.keyId), operation, context.role)
  const life = approvalLife(policy, context.now)
  return signApproval(held, signer, requestOf(payload, operation), role, life, context.now)
}

/** The approvals that a quorum counts, as the signer will count them. @throws Refusal of `requireQuorum`. */
export function requireApproved(
  { payload, operation, approvals }: ApprovedPayload,
  context: CeremonyContext,
): readonly Counted[] {
  const checked = requireQuorum(
    approvals,
    requestOf(payload, operation),
    approvalContext(requireHeld(context), context.now),
  )
  return checked.map(({ person, approval, keyId }) => ({ keyId, as: `approval of ${person} as ${approval.role}` }))
}
