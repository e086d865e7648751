import { fromHex } from '../../domain/bytes.js'
import { buildSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeFreshness, MAX_FRESHNESS_LIFE_SECONDS, type Freshness } from '../../domain/trust/freshness.js'
import { labelOf } from '../../domain/trust/labels.js'
import type { SignerAnswers, SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireFreshnessRate } from '../checks/freshness.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import { checkedSigner } from '../checked-signer.js'
import type { FreshnessEntry } from '../../domain/signer-journal/journal-entry.js'
import type { OnlineContext } from './online-context.js'
import { refreshTrust } from './refresh-trust.js'

/**
 * Says which root and KRL are the newest, by what this process itself holds. A device's nonce is copied in.
 * Also past a KRL's hard expiry: the statement is true, and devices judge the expiry themselves.
 * @throws Refusal with the number of its check; `KRL_MISSING` while there is none.
 */
export async function signFreshness(
  { nonce }: Extract<SignerRequest, { operation: 'freshness' }>,
  context: OnlineContext,
): Promise<SignerAnswers['freshness']> {
  const now = await refreshTrust(context)
  atCheck(25, () => requireNotSuspended(context.state))
  const { token } = context
  const { state } = context.state.held
  const { root, krl } = state
  if (krl === null) return atCheck(10, () => refuseWithoutKrl())
  atCheck(14, () => requireFreshnessRate(context.statements.inHour(now)))
  const key = atCheck(15, () => chooseSigningKey(state, 'freshness', token.keys(), now))
  atCheck(10, () => requireUnrevoked(state, key))
  atCheck(15, () => requireUsable(root, key, token.keys(), now))
  const freshness: Freshness = {
    namespace: context.namespace,
    time: now,
    expires: Math.min(now + MAX_FRESHNESS_LIFE_SECONDS, key.notAfter),
    krlNumber: krl.number,
    krlSha256: fromHex(krl.sha256),
    rootVersion: root.version,
    ...(nonce === null ? {} : { nonce }),
  }
  const entry: FreshnessEntry = {
    kind: 'freshness',
    keyId: key.keyId,
    krlNumber: krl.number,
    rootVersion: root.version,
    expires: freshness.expires,
  }
  await atCheckAsync(16, () => context.state.record({ time: now, entry }))
  const signed = await buildSign1(checkedSigner(context, key), encodeFreshness(freshness), labelOf('freshness'))
  return { freshness: signed }
}

function refuseWithoutKrl(): never {
  throw new Refusal('KRL_MISSING', {})
}
