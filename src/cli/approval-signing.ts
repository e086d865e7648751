import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { buildSign1, type MessageSigner } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { encodeApproval } from '../domain/trust/approval.js'
import { checkApproval, type ApprovalContext, type ApprovedRequest } from '../domain/trust/check-approvals.js'
import { labelOf } from '../domain/trust/labels.js'
import { findPerson } from '../domain/trust/person-signature.js'
import type { Policy } from '../domain/trust/policy.js'
import { isWindowOpen } from '../domain/trust/policy-limits.js'
import { parseQuorum } from '../domain/trust/quorum.js'
import { isPersonRole, type Operation, type PersonRole } from '../domain/trust/roles.js'
import { revokedKeysOf } from '../domain/trust/trust-state.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

const LONGEST_LIFE_SECONDS = 7 * 86_400
/** Clocks of people run a little ahead of the signer's; an approval begins a minute ago. */
const CLOCK_SLACK_SECONDS = 60

/** What approvals are judged by on this machine. */
export const approvalContext = (held: HeldTrust, now: number): ApprovalContext => ({
  policy: requirePolicy(held),
  allowed: held.state.root.algorithms,
  revoked: revokedKeysOf(held.state),
  now,
  algorithms: nativeAlgorithms,
})

/** What the change window and the policy's quorum ask for now. @see window-text.ts */
export const isClosed = (policy: Policy, operation: Operation, now: number): boolean =>
  (operation === 'sign' || operation === 're-sign') && !isWindowOpen(policy.limits.windows, now)

/**
 * The role in which a person approves: the one asked for, else their first that the quorum counts; while the change window is closed,
 * also one that break-glass counts.
 * @throws Refusal `APPROVER_UNKNOWN`, `APPROVAL_ROLE`, `QUORUM_UNDEFINED`.
 */
export function requireApproverRole(
  policy: Policy,
  keyId: string,
  operation: Operation,
  asked: string | undefined,
  isWindowClosed = false,
): { person: string; role: PersonRole } {
  const found = findPerson(policy, keyId)
  if (found === null) throw new Refusal('APPROVER_UNKNOWN', { keyId })
  const { name, roles } = found.person
  const expression = policy.quorums.get(operation)
  if (expression === undefined) throw new Refusal('QUORUM_UNDEFINED', { operation })
  const breakGlass = isWindowClosed ? policy.limits.breakGlass : undefined
  const clauses = [expression, ...(breakGlass === undefined ? [] : [breakGlass])].flatMap(parseQuorum)
  const counted = clauses.map((clause) => clause.role)
  const role = asked ?? counted.find((each) => roles.includes(each)) ?? counted[0] ?? ''
  if (!isPersonRole(role) || !roles.includes(role) || !counted.includes(role))
    throw new Refusal('APPROVAL_ROLE', { person: name, role })
  return { person: name, role }
}

/** @param until the approval need not live longer than this; seconds. */
export function approvalLife(
  policy: Policy,
  now: number,
  until = Number.MAX_SAFE_INTEGER,
): { notBefore: number; expires: number } {
  const notBefore = now - CLOCK_SLACK_SECONDS
  const life = policy.limits.approvalLifeSeconds ?? LONGEST_LIFE_SECONDS
  return { notBefore, expires: Math.min(notBefore + life, Math.max(until, now + 1)) }
}

/**
 * Signs one person's yes, and holds it against the policy as the signer will.
 * @throws Refusal of `checkApproval`: what the signer would refuse is not sent.
 */
export async function signApproval(
  held: HeldTrust,
  signer: MessageSigner,
  request: ApprovedRequest,
  role: PersonRole,
  life: { readonly notBefore: number; readonly expires: number },
  now: number,
): Promise<Uint8Array> {
  const policy = requirePolicy(held)
  const payload = encodeApproval({
    namespace: policy.namespace,
    operation: request.operation,
    subjectSha256: request.subjectSha256,
    requestId: request.requestId,
    ...life,
    policyVersion: policy.version,
    role,
    ...(request.image === null ? {} : { image: request.image }),
  })
  const approval = await buildSign1(signer, payload, labelOf('approval'))
  checkApproval(approval, request, approvalContext(held, now))
  return approval
}
