import { equalBytes, toHex } from '../../domain/bytes.js'
import type { AlgorithmTable } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { wrappedSha256 } from '../../domain/suit/digest.js'
import { manifestSha256 } from '../../domain/suit/envelope.js'
import { parseManifest, type Manifest } from '../../domain/suit/manifest.js'
import { requireQuorum, type ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { requireLiveKrl } from '../../domain/trust/take-krl.js'
import { floorOf, revokedKeysOf } from '../../domain/trust/trust-state.js'
import type { SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { requireNamespace } from '../checks/namespace.check.js'
import { requirePolicy } from '../checks/policy.check.js'
import { requireRate } from '../checks/rate.check.js'
import { requireNewerKey, requireSigned } from '../checks/re-sign.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireUnspent } from '../checks/spent.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import { requireWindow } from '../checks/window.check.js'
import type { ReleaseContext } from './release-context.js'
import type { Grant } from './sign-checks.js'

export type ReSignRequest = Extract<SignerRequest, { operation: 're-sign' }>

/**
 * The checks of a re-signature (trust.md §4, second half of check 9). Submission and image were checked when this digest was
 * signed first; what is asked anew is whether it may still be signed, by a newer key, for people who approve it now.
 * @throws Refusal with the number of its check.
 */
export function checkReSignRequest(request: ReSignRequest, context: ReleaseContext, algorithms: AlgorithmTable): Grant {
  const { ledger, token, state: signer } = context
  const { state } = signer.held
  const { requestId } = request
  atCheck(2, () => requireNamespace(context.namespace, state.root.namespace))
  atCheck(25, () => requireNotSuspended(signer))
  const now = atCheck(4, () => requireClock(context.clock, context.uptime, signer))
  const policy = atCheck(3, () =>
    context.verdicts.find(signer.held, now, 'policy', [], () => requirePolicy(signer.held, now)),
  )
  const manifest = atCheck(7, () => openManifest(request))
  const digest = atCheck(8, () => manifestSha256(request.manifest))
  const signed = atCheck(9, () => requireSigned(state, toHex(digest), ledger.findSigned(toHex(digest))))
  const classId = toHex(manifest.classId)
  atCheck(9, () => requireNotBelow(manifest.sequence, floorOf(state, classId)))
  const key = atCheck(15, () => chooseSigningKey(state, 'manifest-a', token.keys(), now))
  atCheck(9, () => requireNewerKey(state, key, signed.keyId))
  atCheck(10, () => {
    requireUnrevoked(state, key)
    requireLiveKrl(state, now)
  })
  const people = {
    policy,
    allowed: state.root.algorithms,
    revoked: revokedKeysOf(state),
    now,
    algorithms,
    voidBefore: signer.continuity.voidBefore,
  }
  const { requester } = signed
  const subject: ApprovedRequest = {
    operation: 're-sign',
    subjectSha256: digest,
    requestId,
    image: manifest,
    requester,
  }
  atCheck(12, () => requireQuorum(request.approvals, subject, people))
  const isBreakGlass = atCheck(13, () => requireWindow(request.approvals, subject, people))
  atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))
  atCheck(15, () => requireUsable(state.root, key, token.keys(), now))
  atCheck(16, () => requireUnspent(requestId, ledger.isSpent(requestId)))
  return {
    now,
    key,
    intent: {
      kind: 'intent',
      operation: 're-sign',
      requestId,
      keyId: key.keyId,
      subjectSha256: digest,
      approvals: request.approvals,
      requester,
      isBreakGlass,
      classId,
      sequence: manifest.sequence,
    },
  }
}

/** The text is not part of the digest that gets signed, only its hash is: another text would travel with a good signature. */
function openManifest({ manifest: bytes, text }: ReSignRequest): Manifest {
  const manifest = parseManifest(bytes)
  const found = wrappedSha256(text)
  if (!equalBytes(manifest.textSha256, found))
    throw new Refusal('DIGEST_MISMATCH', { what: 'text', expected: toHex(manifest.textSha256), found: toHex(found) })
  return manifest
}

/** What a floor has closed stays closed. */
function requireNotBelow(sequence: number, floor: number): void {
  if (sequence < floor) throw new Refusal('SEQUENCE_OVERTAKEN', { offered: sequence, highest: floor - 1 })
}
