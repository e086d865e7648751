import { sha256, utf8 } from '../../../../src/domain/bytes.js'
import type { RolloutPlan } from '../../../../src/domain/trust/rollout-plan.js'
import type { Edit } from '../../../support/edited-source.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { race } from '../../signer-verdict.js'
import { assign } from './assign.js'

const PLAN = 'src/signer/checks/plan.check.ts'
const PACE = 'src/signer/checks/pace.check.ts'
const APPROVALS = 'src/domain/trust/check-approvals.ts'
const other = sha256(utf8('another release'))
const FLEET = ['fleet-1', 'fleet-2']

/** Another plan than that of the approvals, in one member. */
const plan = (
  name: string,
  does: string,
  change: (now: number) => Partial<RolloutPlan>,
  code: SignerAttack['expected']['code'],
  guard: readonly [Edit],
  fixture: SignerAttack['fixture'] = {},
): SignerAttack =>
  assign(name, 'row 3', does, async (scene) => ({ plan: change(scene.now) }), [23, code], guard, fixture)

/** Checks 12, 23 and 24 of an assignment: the pace that people signed (row 3). */
export const planAttacks: readonly SignerAttack[] = [
  plan(
    'plan-for-another-release',
    'assigns a release that is not in the plan',
    () => ({ manifests: [other] }),
    'PLAN_MISMATCH',
    without(PLAN, 'if (!plan.manifests.some((digest) => equalBytes(digest, manifestSha256)))', 'if (false)'),
  ),
  plan(
    'plan-above-the-ceiling',
    'plans a pace that reaches the whole fleet in an hour',
    () => ({ devicesPerHour: 1_000_000 }),
    'PLAN_MISMATCH',
    without(PLAN, 'if (ceiling !== undefined && plan.devicesPerHour > ceiling)', 'if (false)'),
    { policy: { limits: { devicesPerHour: 200 } } },
  ),
  plan(
    'plan-that-ended',
    'assigns under a plan that is over',
    (now) => ({ notBefore: now - 100, expires: now }),
    'PLAN_NOT_ACTIVE',
    without(PLAN, 'now >= expires', 'false'),
  ),
  plan(
    'plan-that-has-not-begun',
    'assigns before the day that people planned',
    (now) => ({ notBefore: now + 1 }),
    'PLAN_NOT_ACTIVE',
    without(PLAN, 'now < notBefore', 'false'),
  ),
  {
    ...assign(
      'plan-that-nobody-approved',
      'row 2',
      'assigns under a plan of their own',
      { approvers: [] },
      [12, 'APPROVALS_MISSING'],
      without(APPROVALS, 'if (approvals.length === 0)', 'if (false)'),
    ),
    unguarded: { step: 12, code: 'QUORUM_NOT_MET' },
  },
  assign(
    'plan-by-release-managers',
    'row 4',
    'approves a plan with keys of release managers',
    { approvers: ['manager-1', 'manager-2'] },
    [12, 'QUORUM_NOT_MET'],
    without('src/domain/trust/quorum.ts', 'approved === role', 'true'),
  ),
  assign(
    'plan-by-one-fleet-manager-of-two',
    'row 4',
    'approves a plan with one of the two keys that the policy wants, whatever its quorum says',
    { approvers: ['fleet-1'] },
    [12, 'QUORUM_NOT_MET'],
    without(PLAN, 'if (fleetManagers < (context.policy.limits.minRolloutApprovers ?? 0))', 'if (false)'),
    { policy: { limits: { minRolloutApprovers: 2 } } },
  ),
  assign(
    'plan-changed-after-approval',
    'row 2',
    'approves one plan and delivers a faster one',
    { approvers: FLEET, approval: { subjectSha256: other } },
    [12, 'APPROVAL_MISMATCH'],
    without(APPROVALS, "requireSame('subject', equalBytes(approval.subjectSha256, request.subjectSha256))"),
  ),
  assign(
    'approvals-of-another-rollout',
    'row 3',
    'uses the approvals of one rollout for the next with the same plan',
    { approvers: FLEET, approval: { requestId: 'rollout-0' } },
    [12, 'APPROVAL_MISMATCH'],
    without(APPROVALS, "requireSame('requestId', approval.requestId === request.requestId)"),
  ),
  assign(
    'one-device-more-than-an-hour-has',
    'row 3',
    'asks for the whole fleet at once',
    async (scene, digest) => {
      await scene.must(scene.assign({ digest, plan: { devicesPerHour: 1 } }))
      return { device: 2, plan: { devicesPerHour: 1 } }
    },
    [24, 'PACE_EXCEEDED'],
    without(PACE, 'if (spent.inHour >= plan.devicesPerHour)', 'if (false)'),
  ),
  assign(
    'one-device-more-than-the-plan-has',
    'row 3',
    'goes on after the stage that people approved',
    async (scene, digest) => {
      await scene.must(scene.assign({ digest, plan: { devicesTotal: 1 } }))
      return { device: 2, plan: { devicesTotal: 1 } }
    },
    [24, 'PACE_EXCEEDED'],
    without(PACE, 'if (spent.total >= plan.devicesTotal)', 'if (false)'),
  ),
  assign(
    'one-assignment-over-and-over',
    'row 3',
    'has one device given its assignment again and again, to fill the disk with records',
    async (scene, digest) => {
      // The first counts the device; a hundred are given again.
      for (let n = 0; n <= 100; n += 1) await scene.must(scene.assign({ digest }))
      return {}
    },
    [24, 'RATE_EXCEEDED'],
    without(PACE, 'if (renewedToday >= limit)', 'if (false)'),
  ),
  assign(
    'pace-forgotten-by-a-restart',
    'row 3',
    'has the signer start again, to begin the hour anew',
    async (scene, digest) => {
      await scene.must(scene.assign({ digest, plan: { devicesPerHour: 1 } }))
      await scene.restart('online')
      return { device: 2, plan: { devicesPerHour: 1 } }
    },
    [24, 'PACE_EXCEEDED'],
    without(
      'src/signer/start-signer.ts',
      '    state.apply(timed)\n',
      "    if (timed.entry.kind !== 'assignment') state.apply(timed)\n",
    ),
  ),
  {
    name: 'race-for-the-last-place',
    threat: 'row 3',
    does: 'asks for twenty devices at the same moment where one place is left',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      await scene.onlineSigner()
      const asked = Array.from({ length: 20 }, (_, device) =>
        scene.assign({ digest, device, plan: { devicesPerHour: 1 } }),
      )
      return race(1, asked)
    },
    expected: { step: 24, code: 'PACE_EXCEEDED' },
    guard: without(
      'src/signer/signer-state.ts',
      "    this.apply(timed)\n    if (this.journal === null) throw new Error('the journal is not attached')\n    return this.journal.append(timed)",
      "    if (this.journal === null) throw new Error('the journal is not attached')\n    return this.journal.append(timed).then(() => this.apply(timed))",
    ),
  },
]
