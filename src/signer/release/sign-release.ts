import { toHex } from '../../domain/bytes.js'
import type { AlgorithmTable } from '../../domain/cose/algorithms.js'
import { buildBlock, encodeEnvelope } from '../../domain/suit/envelope.js'
import type { SignerAnswers } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { checkedSigner } from '../checked-signer.js'
import { takeCourier } from '../trust/take-courier.js'
import type { ReleaseContext } from './release-context.js'
import { checkReSignRequest, type ReSignRequest } from './re-sign-checks.js'
import { verifyAhead, type PersonDocument } from './verify-ahead.js'
import { checkSignRequest, type Grant, type SignRequest } from './sign-checks.js'

/**
 * Signs a release: all checks, the intent on the disk, the signature, the result on the disk, the release in the folder of
 * the online signer; only then the answer. A crash on the way leaves a spent grant (check 20).
 * @throws Refusal with the number of its check.
 */
export async function signRelease(request: SignRequest, context: ReleaseContext): Promise<SignerAnswers['sign']> {
  const algorithms = await getReady(request, [['submission', request.submission], ...approvalsOf(request)], context)
  return signGranted(checkSignRequest(request, context, algorithms), request, context)
}

/** Signs a release once more, with the key that took over: the envelope that is published changes its signature and nothing else. */
export async function reSignRelease(
  request: ReSignRequest,
  context: ReleaseContext,
): Promise<SignerAnswers['re-sign']> {
  const algorithms = await getReady(request, approvalsOf(request), context)
  return signGranted(checkReSignRequest(request, context, algorithms), request, context)
}

const approvalsOf = ({ approvals }: SignRequest | ReSignRequest): PersonDocument[] =>
  approvals.map((bytes) => ['approval', bytes])

/** Everything that may pause before the checks, which may not. @returns the algorithms for them. */
function getReady(
  { trust }: SignRequest | ReSignRequest,
  documents: readonly PersonDocument[],
  context: ReleaseContext,
): Promise<AlgorithmTable> {
  const { state } = context
  return context.order.run(async () => {
    const arrived = atCheck(4, () => requireClock(context.clock, context.uptime, state))
    await takeCourier(state, trust, arrived)
    return verifyAhead(documents, arrived, context)
  })
}

async function signGranted(
  { now, intent, key }: Grant,
  { manifest, text }: SignRequest | ReSignRequest,
  context: ReleaseContext,
): Promise<{ readonly envelope: Uint8Array }> {
  const { state, published } = context
  await atCheckAsync(16, () => state.record({ time: now, entry: intent }))
  if (intent.isBreakGlass) context.log.warn('signer.break-glass', { requestId: intent.requestId })
  const block = await buildBlock(checkedSigner(context, key), intent.subjectSha256)
  const envelope = encodeEnvelope(manifest, [block], text)
  await atCheckAsync(19, async () => {
    const { operation, requestId } = intent
    await state.record({ time: now, entry: { kind: 'result', operation, requestId, bytes: envelope } })
    published.publishTrust(state.held)
    published.publishRelease(toHex(intent.subjectSha256), envelope)
  })
  return { envelope }
}
