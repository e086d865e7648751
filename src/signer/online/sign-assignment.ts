import { sha256, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { buildSign1 } from '../../domain/cose/sign1.js'
import { encodeAssignment, MAX_ASSIGNMENT_LIFE_SECONDS, type Assignment } from '../../domain/trust/assignment.js'
import { labelOf } from '../../domain/trust/labels.js'
import type { Policy } from '../../domain/trust/policy.js'
import { parseRolloutPlan } from '../../domain/trust/rollout-plan.js'
import type { RootKey } from '../../domain/trust/root.js'
import { requireLiveKrl } from '../../domain/trust/take-krl.js'
import { revokedKeysOf } from '../../domain/trust/trust-state.js'
import type { SignerAnswers, SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireNamespace } from '../checks/namespace.check.js'
import { requirePace } from '../checks/pace.check.js'
import { requirePlan, requirePlanApproved } from '../checks/plan.check.js'
import { requirePolicy } from '../checks/policy.check.js'
import { requireInstallable, requireRelease } from '../checks/release.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import { checkedSigner } from '../checked-signer.js'
import type { AssignmentEntry } from '../../domain/signer-journal/journal-entry.js'
import { EARLIER_SECONDS } from './dated-back.js'
import type { OnlineContext } from './online-context.js'
import { refreshTrust } from './refresh-trust.js'

export type AssignRequest = Extract<SignerRequest, { operation: 'assign' }>

interface AssignmentGrant {
  readonly now: number
  readonly key: RootKey
  readonly entry: AssignmentEntry
  readonly assignment: Assignment
}

/**
 * Signs "this device may install this release now", within the pace that people approved.
 * @throws Refusal with the number of its check.
 */
export async function signAssignment(request: AssignRequest, context: OnlineContext): Promise<SignerAnswers['assign']> {
  const now = await refreshTrust(context)
  const { entry, key, assignment } = checkAssignRequest(request, context, now)
  await atCheckAsync(16, () => context.state.record({ time: now, entry }))
  const payload = encodeAssignment(assignment)
  return { assignment: await buildSign1(checkedSigner(context, key), payload, labelOf('assignment')) }
}

/**
 * The checks of an assignment (trust.md §4b), without a pause up to the record of check 16: two requests for the last place
 * cannot both have it.
 */
function checkAssignRequest(request: AssignRequest, context: OnlineContext, now: number): AssignmentGrant {
  const { token, ledger, verdicts } = context
  const { held } = context.state
  const { state } = held
  const { manifestSha256, deviceId, plan: planBytes, approvals } = request
  const remember = <T>(what: string, inputs: readonly Uint8Array[], verify: () => T): T =>
    verdicts.find(held, now, what, inputs, verify)
  const plan = atCheck(1, () => parseRolloutPlan(planBytes))
  atCheck(2, () => requireNamespace(context.namespace, plan.namespace))
  atCheck(25, () => requireNotSuspended(context.state))
  const policy = atCheck(3, () => remember('policy', [], (): Policy => requirePolicy(held, now)))
  const krl = atCheck(10, () => requireLiveKrl(state, now))
  const digest = toHex(manifestSha256)
  const manifest = remember('release', [manifestSha256], () => {
    const envelope = atCheck(21, () => requireRelease(context.published.findRelease(digest), digest))
    return atCheck(22, () => requireInstallable(state, envelope, manifestSha256, policy, now))
  })
  atCheck(23, () => requirePlan(plan, manifestSha256, policy, now))
  const people = {
    policy,
    allowed: state.root.algorithms,
    revoked: revokedKeysOf(state),
    now,
    algorithms: nativeAlgorithms,
    voidBefore: context.state.continuity.voidBefore,
  }
  atCheck(12, () =>
    remember('plan', [planBytes, ...approvals], () => requirePlanApproved(plan, planBytes, approvals, people)),
  )
  const planSha256 = sha256(planBytes)
  atCheck(24, () => requirePace(plan, ledger.counted(planSha256, manifestSha256, deviceId, now)))
  const key = atCheck(15, () => chooseSigningKey(state, 'assignment', token.keys(), now))
  atCheck(10, () => requireUnrevoked(state, key))
  atCheck(15, () => requireUsable(state.root, key, token.keys(), now))
  const notBefore = now - EARLIER_SECONDS
  const assignment: Assignment = {
    namespace: context.namespace,
    deviceId,
    rolloutId: plan.rolloutId,
    manifestSha256,
    sequence: manifest.sequence,
    leastKrlNumber: krl.number,
    notBefore,
    expires: Math.min(notBefore + MAX_ASSIGNMENT_LIFE_SECONDS, plan.expires, key.notAfter),
  }
  const entry: AssignmentEntry = {
    kind: 'assignment',
    planSha256,
    planExpires: plan.expires,
    manifestSha256,
    deviceId,
    keyId: key.keyId,
  }
  return { now, key, entry, assignment }
}
