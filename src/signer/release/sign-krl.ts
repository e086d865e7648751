import { buildSign1 } from '../../domain/cose/sign1.js'
import { labelOf } from '../../domain/trust/labels.js'
import type { SignerAnswers } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { checkedSigner } from '../checked-signer.js'
import { takeCourier } from '../trust/take-courier.js'
import { checkKrlRequest, type KrlRequest } from './krl-checks.js'
import type { ReleaseContext } from './release-context.js'

/**
 * Signs a KRL and goes by it from then on. One at a time (the caller's business): each must repeat the one before.
 * @throws Refusal with the number of its check.
 */
export async function signKrl(request: KrlRequest, context: ReleaseContext): Promise<SignerAnswers['krl']> {
  const { state, published } = context
  const arrived = atCheck(4, () => requireClock(context.clock, context.uptime, state))
  await takeCourier(state, request.trust, arrived)
  const { now, intent, key } = checkKrlRequest(request, context)
  await atCheckAsync(16, () => state.record({ time: now, entry: intent }))
  const krl = await buildSign1(checkedSigner(context, key), request.krl, labelOf('krl'))
  await atCheckAsync(19, async () => {
    const { operation, requestId } = intent
    // Recording holds it, which judges it once more as a device would.
    await state.record({ time: now, entry: { kind: 'result', operation, requestId, bytes: krl } })
    published.publishTrust(state.held)
  })
  return { krl }
}
