import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { openSubmission } from '../domain/trust/check-submission.js'
import { revokedKeysOf } from '../domain/trust/trust-state.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/**
 * Holds one's own submission against the policy before it is sent, as server, approvers and signer will.
 * @throws Refusal `SUBMITTER_UNKNOWN`, `KEY_REVOKED`, `KEY_NOT_ACTIVE`, …
 */
export function openOwnSubmission(held: HeldTrust, submission: Uint8Array, now: number): void {
  openSubmission(submission, {
    policy: requirePolicy(held),
    allowed: held.state.root.algorithms,
    revoked: revokedKeysOf(held.state),
    now,
    algorithms: nativeAlgorithms,
  })
}
