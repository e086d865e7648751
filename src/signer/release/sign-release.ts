import { toHex } from '../../domain/bytes.js'
import { buildBlock, encodeEnvelope } from '../../domain/suit/envelope.js'
import type { SignerAnswers } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { checkedSigner } from '../checked-signer.js'
import { takeCourier } from '../trust/take-courier.js'
import type { ReleaseContext } from './release-context.js'
import { checkReSignRequest, type ReSignRequest } from './re-sign-checks.js'
import { checkSignRequest, type Grant, type SignRequest } from './sign-checks.js'

/**
 * Signs a release: all checks, the intent on the disk, the signature, the result on the disk, the release in the folder of
 * the online signer; only then the answer. A crash on the way leaves a spent grant (check 20).
 * @throws Refusal with the number of its check.
 */
export async function signRelease(request: SignRequest, context: ReleaseContext): Promise<SignerAnswers['sign']> {
  await takeTrust(request, context)
  return signGranted(checkSignRequest(request, context), request, context)
}

/** Signs a release once more, with the key that took over: the envelope that is published changes its signature and nothing else. */
export async function reSignRelease(
  request: ReSignRequest,
  context: ReleaseContext,
): Promise<SignerAnswers['re-sign']> {
  await takeTrust(request, context)
  return signGranted(checkReSignRequest(request, context), request, context)
}

async function takeTrust({ trust }: SignRequest | ReSignRequest, context: ReleaseContext): Promise<void> {
  const { state } = context
  const arrived = atCheck(4, () => requireClock(context.clock, context.uptime, state))
  await takeCourier(state, trust, arrived)
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
