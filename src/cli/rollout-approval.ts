import { toBase64Url } from '../domain/bytes.js'
import type { ApprovedRequest } from '../domain/trust/check-approvals.js'
import { approvalLife, requireApproverRole, signApproval } from './approval-signing.js'
import { ReleaseAnswer, RolloutAnswer } from './api-answers.js'
import { segment, type ConfirmOptions } from './command-shape.js'
import { showPersonKey } from './person-key.js'
import { checkPlan, describePlan } from './rollout-check.js'
import { describeRules } from './rollout-rules-text.js'
import { confirm, openKey, type KeyOptions, type Session } from './session.js'
import { requirePolicy } from './trust-store.js'

/** A fleet manager's whole act: plan and envelopes checked here, the pace shown, asked, signed. */
export async function approveRollout(
  session: Session,
  id: string,
  options: KeyOptions & ConfirmOptions & { readonly role?: string },
): Promise<RolloutAnswer> {
  const { world, api, output } = session
  const held = await session.refreshTrust()
  const policy = requirePolicy(held)
  const { person, role } = requireApproverRole(policy, showPersonKey(options.key).keyId, 'rollout', options.role)
  const page = await api.get(`/rollouts/${segment(id)}`, RolloutAnswer)
  const releases: ReleaseAnswer[] = []
  for (const releaseId of [page.release?.id ?? page.releaseId, page.fallbackReleaseId])
    if (typeof releaseId === 'string') releases.push(await api.get(`/releases/${segment(releaseId)}`, ReleaseAnswer))
  const now = world.clock.nowSeconds()
  const checked = checkPlan(held, page, releases, now)
  output.line('what your signature fixes, read from the plan itself:')
  output.lines(describePlan(checked).map((line) => `  ${line}`))
  const rules = describeRules(page)
  if (rules.length > 0) output.line('what the server says it will do within that, and what no signature fixes:')
  output.lines(rules.map((line) => `  ${line}`))
  output.line()
  output.line(`You sign as ${person}, in the role ${role}, under policy ${policy.version}.`)
  await confirm(world, options.yes, 'Sign this pace?')
  const { signer } = await openKey(world, options)
  const request: ApprovedRequest = {
    operation: 'rollout',
    subjectSha256: checked.planSha256,
    requestId: checked.plan.rolloutId,
    image: null,
    requester: null,
  }
  const signedAt = world.clock.nowSeconds()
  // It need not outlive the plan; within the policy it should not end before it either.
  const life = approvalLife(policy, signedAt, checked.plan.expires)
  const approval = await signApproval(held, signer, request, role, life, signedAt)
  return api.post(`/rollouts/${segment(id)}/approvals`, { approval: toBase64Url(approval) }, RolloutAnswer)
}
