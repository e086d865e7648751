import { equalBytes, sha256 } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { requireQuorum, type ApprovalContext } from '../../domain/trust/check-approvals.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { RolloutPlan } from '../../domain/trust/rollout-plan.js'

/**
 * Check 23: the plan names the release, asks for no more than the policy's ceiling, and is on.
 * @throws Refusal `PLAN_MISMATCH` naming the field, `PLAN_NOT_ACTIVE`.
 */
export function requirePlan(plan: RolloutPlan, manifestSha256: Uint8Array, policy: Policy, now: number): void {
  if (!plan.manifests.some((digest) => equalBytes(digest, manifestSha256)))
    throw new Refusal('PLAN_MISMATCH', { field: 'manifests' })
  const ceiling = policy.limits.devicesPerHour
  if (ceiling !== undefined && plan.devicesPerHour > ceiling)
    throw new Refusal('PLAN_MISMATCH', { field: 'devicesPerHour' })
  const { notBefore, expires } = plan
  if (now < notBefore || now >= expires) throw new Refusal('PLAN_NOT_ACTIVE', { notBefore, expires, now })
}

/**
 * Check 12 of an assignment: people approved exactly these bytes of the plan, by operation `rollout` and the rollout's id.
 * @throws Refusal of `requireQuorum`; `QUORUM_NOT_MET` also when fewer fleet managers approved than the policy's least.
 */
export function requirePlanApproved(
  plan: RolloutPlan,
  planBytes: Uint8Array,
  approvals: readonly Uint8Array[],
  context: ApprovalContext,
): void {
  const operation = 'rollout'
  const checked = requireQuorum(
    approvals,
    { operation, subjectSha256: sha256(planBytes), requestId: plan.rolloutId, image: null, requester: null },
    context,
  )
  const fleetManagers = checked.filter(({ approval }) => approval.role === 'fleet-manager').length
  if (fleetManagers < (context.policy.limits.minRolloutApprovers ?? 0))
    throw new Refusal('QUORUM_NOT_MET', { operation })
}
