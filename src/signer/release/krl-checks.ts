import { sha256 } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { parseApproval } from '../../domain/trust/approval.js'
import { requireQuorum, type ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { parseKrl, type Krl } from '../../domain/trust/krl.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { revokedKeysOf } from '../../domain/trust/trust-state.js'
import type { SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { isRenewal, requireKrlContent } from '../checks/krl-content.check.js'
import { requireNamespace } from '../checks/namespace.check.js'
import { requirePolicy } from '../checks/policy.check.js'
import { requireRate } from '../checks/rate.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireUnspent } from '../checks/spent.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import type { HeldTrust } from '../../domain/signer-journal/held-trust.js'
import type { ReleaseContext } from './release-context.js'
import type { Grant } from './sign-checks.js'

export type KrlRequest = Extract<SignerRequest, { operation: 'krl' }>

/**
 * The checks of a KRL (trust.md §4): those of a release less submission, image, manifest and window, and without the hard
 * expiry of the KRL held: an expired one is mended by a new one.
 * @throws Refusal with the number of its check.
 */
export function checkKrlRequest(request: KrlRequest, context: ReleaseContext): Grant {
  const { ledger, token, state: signer } = context
  const { held } = signer
  const { state } = held
  const krl = atCheck(1, () => parseKrl(request.krl))
  atCheck(2, () => requireNamespace(context.namespace, krl.namespace))
  atCheck(25, () => requireNotSuspended(signer))
  const now = atCheck(4, () => requireClock(context.clock, context.uptime, signer))
  const policy = atCheck(3, () => context.verdicts.find(held, now, 'policy', [], () => requirePolicy(held, now)))
  const key = atCheck(15, () => chooseSigningKey(state, 'krl', token.keys(), now))
  atCheck(9, () => requireKrlContent(krl, { held, sequences: ledger.sequences, keyId: key.keyId, now }))
  atCheck(10, () => requireUnrevoked(state, key))
  const people = {
    policy,
    allowed: state.root.algorithms,
    revoked: revokedKeysOf(state),
    now,
    algorithms: nativeAlgorithms,
    voidBefore: signer.continuity.voidBefore,
  }
  const subject: ApprovedRequest = {
    operation: operationOf(krl, request.approvals, held),
    subjectSha256: sha256(request.krl),
    requestId: request.requestId,
    image: null,
    requester: null,
  }
  atCheck(12, () => requireQuorum(request.approvals, subject, people))
  atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))
  atCheck(15, () => requireUsable(state.root, key, token.keys(), now))
  atCheck(16, () => requireUnspent(request.requestId, ledger.isSpent(request.requestId)))
  return {
    now,
    key,
    intent: {
      kind: 'intent',
      operation: subject.operation === 'krl-renew' ? 'krl-renew' : 'krl',
      requestId: request.requestId,
      keyId: key.keyId,
      subjectSha256: subject.subjectSha256,
      approvals: request.approvals,
      requester: '',
      isBreakGlass: false,
      classId: '',
      sequence: 0,
    },
  }
}

/**
 * `krl-renew` only for a renewal whose approvals say so; everything else is `krl` and needs its quorum.
 * The claim read here is unverified: it only chooses the quorum against which check 12 then holds every approval.
 */
function operationOf(krl: Krl, approvals: readonly Uint8Array[], held: HeldTrust): 'krl' | 'krl-renew' {
  const [first] = approvals
  if (first === undefined || !isRenewal(krl, held)) return 'krl'
  const { payload } = atCheck(12, () => parseSign1(first, MAX_DOCUMENT_BYTES))
  const claimed = payload === null ? null : atCheck(12, () => parseApproval(payload)).operation
  return claimed === 'krl-renew' ? 'krl-renew' : 'krl'
}
