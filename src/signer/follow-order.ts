import { equalBytes, sha256 } from '../domain/bytes.js'
import type { Clock } from '../domain/clock.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { requireQuorum } from '../domain/trust/check-approvals.js'
import {
  parseClockResetOrder,
  parseResumeOrder,
  requireOrderFor,
  type ClockResetOrder,
  type ResumeOrder,
} from '../domain/trust/signer-order.js'
import { revokedKeysOf } from '../domain/trust/trust-state.js'
import type { SignerRequest } from '../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from './checks/at-check.js'
import { requireClock } from './checks/clock.check.js'
import { requirePolicy } from './checks/policy.check.js'
import { requireUnspent } from './checks/spent.check.js'
import type { MachineUptime } from './host/system-clock.js'
import type { SignerLog } from './host/signer-log.js'
import type { SignerState } from './signer-state.js'

export type OrderRequest = Extract<SignerRequest, { operation: 'resume' | 'clock-reset' }>

/** What both processes have when people order something. */
export interface OrderContext {
  readonly namespace: string
  readonly clock: Clock
  readonly uptime: MachineUptime
  readonly state: SignerState
  readonly log: SignerLog
}

/**
 * Does what a quorum ordered: goes on after a suspension, or believes its clock again. Both are written down before they count.
 * Checks 1, 2, 4, 3, 12, 16, in this order.
 * @throws Refusal `ORDER_MISMATCH` naming the field when the order is for another suspension, time or process; `KRL_OLD`; those of
 *   the other checks.
 */
export async function followOrder(request: OrderRequest, context: OrderContext): Promise<void> {
  const { state, clock, uptime, log } = context
  const { operation, requestId, approvals, order: bytes } = request
  const now =
    operation === 'resume'
      ? checkResume(
          atCheck(1, () => parseResumeOrder(bytes)),
          context,
        )
      : checkClockReset(
          atCheck(1, () => parseClockResetOrder(bytes)),
          context,
          clock.nowSeconds(),
        )
  const policy = atCheck(3, () => requirePolicy(state.held, now))
  const { state: trust } = state.held
  const asked = operation === 'resume' ? ('resume-signer' as const) : operation
  const subject = { operation: asked, subjectSha256: sha256(bytes), requestId, image: null, requester: null }
  const people = {
    policy,
    allowed: trust.root.algorithms,
    revoked: revokedKeysOf(trust),
    now,
    algorithms: nativeAlgorithms,
    voidBefore: state.continuity.voidBefore,
  }
  atCheck(12, () => requireQuorum(approvals, subject, people))
  atCheck(16, () => requireUnspent(requestId, state.isOrderSpent(requestId)))
  const entry = state.orderEntry({ kind: operation, requestId, bytes, approvals }, uptime.seconds() ?? 0)
  await atCheckAsync(16, () => state.record({ time: now, entry }))
  log.warn(operation === 'resume' ? 'signer.resumed' : 'signer.clock-reset', { requestId })
}

/** @returns seconds since the epoch. */
function checkResume(order: ResumeOrder, { namespace, state, clock, uptime }: OrderContext): number {
  atCheck(2, () => requireOrderFor(order, namespace, state.process))
  atCheck(25, () => {
    const { suspensionId } = state.continuity
    if (suspensionId === null || !equalBytes(suspensionId, order.suspensionId))
      throw new Refusal('ORDER_MISMATCH', { field: 'suspensionId' })
  })
  const now = atCheck(4, () => requireClock(clock, uptime, state))
  atCheck(10, () => {
    const offered = state.held.state.krl?.number ?? 0
    if (offered < order.leastKrlNumber) throw new Refusal('KRL_OLD', { held: order.leastKrlNumber, offered })
  })
  return now
}

/** The clock itself is what is asked about, so it is held against what people wrote. */
function checkClockReset(order: ClockResetOrder, { namespace, state }: OrderContext, now: number): number {
  atCheck(2, () => requireOrderFor(order, namespace, state.process))
  return atCheck(4, () => {
    if (order.lastSeen !== state.lastSeen) throw new Refusal('ORDER_MISMATCH', { field: 'lastSeen' })
    if (now < order.notBefore || now >= order.expires) throw new Refusal('ORDER_MISMATCH', { field: 'clock' })
    return now
  })
}
