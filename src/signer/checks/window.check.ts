import { Refusal } from '../../domain/refusal.js'
import { requireQuorum, type ApprovalContext, type ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { isWindowOpen } from '../../domain/trust/policy-limits.js'

/**
 * Check 13: inside a change window, or with the break-glass quorum.
 * @returns true when only break-glass lets it pass: the record becomes an alarm.
 * @throws Refusal `CHANGE_WINDOW_CLOSED`.
 */
export function requireWindow(
  approvals: readonly Uint8Array[],
  request: ApprovedRequest,
  context: ApprovalContext,
): boolean {
  const { windows, breakGlass } = context.policy.limits
  if (isWindowOpen(windows, context.now)) return false
  const { operation } = request
  if (breakGlass === undefined) throw new Refusal('CHANGE_WINDOW_CLOSED', { operation })
  try {
    requireQuorum(approvals, request, context, breakGlass)
    return true
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'QUORUM_NOT_MET') throw error
    throw new Refusal('CHANGE_WINDOW_CLOSED', { operation }, { cause: error })
  }
}
