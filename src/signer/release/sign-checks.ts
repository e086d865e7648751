import { toHex } from '../../domain/bytes.js'
import type { AlgorithmTable } from '../../domain/cose/algorithms.js'
import { manifestSha256 } from '../../domain/suit/envelope.js'
import { requireQuorum, type ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { openSubmission } from '../../domain/trust/check-submission.js'
import { requireLiveKrl } from '../../domain/trust/take-krl.js'
import type { RootKey } from '../../domain/trust/root.js'
import { floorOf, revokedKeysOf } from '../../domain/trust/trust-state.js'
import type { SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { requireImage } from '../checks/image.check.js'
import { requireManifest } from '../checks/manifest.check.js'
import { requireNamespace } from '../checks/namespace.check.js'
import { requirePolicy } from '../checks/policy.check.js'
import { requireRate } from '../checks/rate.check.js'
import { requireNextSequence } from '../checks/sequence.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireUnspent } from '../checks/spent.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import { requireWindow } from '../checks/window.check.js'
import type { IntentEntry } from '../../domain/signer-journal/journal-entry.js'
import type { ReleaseContext } from './release-context.js'

export type SignRequest = Extract<SignerRequest, { operation: 'sign' }>

/** A request that passed: what to write first, what to sign, and with which key. */
export interface Grant {
  readonly now: number
  readonly intent: IntentEntry
  readonly key: RootKey
}

/**
 * The checks of a release, in the order of trust.md §4 (check 1 is the frame, 17 to 19 follow in `sign-release.ts`).
 * Without a pause from the first to the last and on to the record of check 16, so of two racing requests the second sees the first.
 * @throws Refusal with the number of its check.
 */
export function checkSignRequest(request: SignRequest, context: ReleaseContext, algorithms: AlgorithmTable): Grant {
  const { ledger, token, state: signer } = context
  const { state } = signer.held
  atCheck(2, () => requireNamespace(context.namespace, state.root.namespace))
  atCheck(25, () => requireNotSuspended(signer))
  const now = atCheck(4, () => requireClock(context.clock, context.uptime, signer))
  const policy = atCheck(3, () =>
    context.verdicts.find(signer.held, now, 'policy', [], () => requirePolicy(signer.held, now)),
  )
  const people = {
    policy,
    allowed: state.root.algorithms,
    revoked: revokedKeysOf(state),
    now,
    algorithms,
    voidBefore: signer.continuity.voidBefore,
  }
  const { submission, requester } = atCheck(5, () => openSubmission(request.submission, people))
  atCheck(6, () => requireImage(submission, ledger.findImageSize(submission.imageSha256), policy))
  const manifest = atCheck(7, () => requireManifest(request, submission, policy))
  const digest = atCheck(8, () => manifestSha256(request.manifest))
  const classId = toHex(manifest.classId)
  const highest = Math.max(ledger.sequences.get(classId) ?? 0, floorOf(state, classId) - 1)
  atCheck(9, () => requireNextSequence(manifest.sequence, highest))
  const key = atCheck(15, () => chooseSigningKey(state, 'manifest-a', token.keys(), now))
  atCheck(10, () => {
    requireUnrevoked(state, key)
    requireLiveKrl(state, now)
  })
  const subject: ApprovedRequest = {
    operation: 'sign',
    subjectSha256: digest,
    requestId: request.requestId,
    image: manifest,
    requester: requester.name,
  }
  atCheck(12, () => requireQuorum(request.approvals, subject, people))
  const isBreakGlass = atCheck(13, () => requireWindow(request.approvals, subject, people))
  atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))
  atCheck(15, () => requireUsable(state.root, key, token.keys(), now))
  atCheck(16, () => requireUnspent(request.requestId, ledger.isSpent(request.requestId)))
  const intent: IntentEntry = {
    kind: 'intent',
    operation: 'sign',
    requestId: request.requestId,
    keyId: key.keyId,
    subjectSha256: digest,
    approvals: request.approvals,
    requester: requester.name,
    isBreakGlass,
    classId,
    sequence: manifest.sequence,
  }
  return { now, intent, key }
}
