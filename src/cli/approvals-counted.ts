import { Refusal } from '../domain/refusal.js'
import { checkApproval, type ApprovedRequest } from '../domain/trust/check-approvals.js'
import { bytesOf, type ApprovalAnswer } from './api-answers.js'
import { approvalContext } from './approval-signing.js'
import { describeRefusal } from './refusal-text.js'
import type { Session } from './session.js'
import type { HeldTrust } from './trust-store.js'

/**
 * The roles of those whose approvals count now, one a person. The server's word for it is not taken: each approval is verified here as
 * the signer will. One that does not count, such as from before the newest policy, is told: who gave it has to approve again.
 */
export function countApprovals(
  { output, world }: Session,
  held: HeldTrust,
  approvals: readonly ApprovalAnswer[],
  request: ApprovedRequest,
): readonly string[] {
  const context = approvalContext(held, world.clock.nowSeconds())
  const roles = new Map<string, string>()
  for (const { person, approval } of approvals)
    try {
      const checked = checkApproval(bytesOf(approval ?? ''), request, context)
      roles.set(checked.person, checked.approval.role)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      output.alarm(`An approval of ${person ?? 'nobody'} does not count, and has to be given again:`)
      output.alarm(`  ${describeRefusal(error)[0]}`)
    }
  return [...roles.values()]
}
