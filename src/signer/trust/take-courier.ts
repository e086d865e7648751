import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { parseRoot } from '../../domain/trust/root.js'
import { openMultiSigned } from '../../domain/trust/signed-document.js'
import type { TrustCourier } from '../../protocol/signer-socket.js'
import { atCheck } from '../checks/at-check.js'
import type { SignerState } from '../signer-state.js'
import { isHeld, requireHeldPolicy, type HeldTrust } from '../../domain/signer-journal/held-trust.js'

/**
 * Takes what a courier brings: newer roots, then policy, then KRL. What was taken stays taken when a later one is refused.
 * @returns when everything taken is on the disk; the state has it at once.
 * @throws Refusal at check 3 for roots and policy, at check 10 for a KRL.
 */
export async function takeCourier(state: SignerState, courier: TrustCourier, now: number): Promise<void> {
  const written: Promise<void>[] = []
  const record = (kind: 'root' | 'policy' | 'krl', bytes: Uint8Array): void => {
    const done = state.record({ time: now, entry: { kind, bytes } })
    // Awaited below; a document refused before that must not leave this one's failure unheard.
    done.catch(() => undefined)
    written.push(done)
  }
  const { policy, krl } = courier
  for (const bytes of courier.roots)
    atCheck(3, () => {
      if (isHeld(state.held, 'root', bytes)) return
      if (versionOf(bytes) > state.held.state.root.version) record('root', bytes)
    })
  atCheck(3, () => {
    if (policy !== null && isNews(state.held, policy, now)) record('policy', policy)
  })
  atCheck(10, () => {
    if (krl !== null && !isHeld(state.held, 'krl', krl)) recordUnlessOld(() => record('krl', krl))
  })
  await Promise.all(written)
}

/**
 * Whether a policy is to be recorded. The one that is held is none because others of its holders signed it, unless its own
 * signatures count no more: else a courier could fill the journal with them. @throws Refusal of `openPolicy`.
 */
function isNews(held: HeldTrust, policy: Uint8Array, now: number): boolean {
  if (isHeld(held, 'policy', policy)) return false
  const { version } = openPolicy(held.state, policy, held.policy, now, nativeAlgorithms)
  return version !== held.policy?.version || !stillCounts(held, now)
}

function stillCounts(held: HeldTrust, now: number): boolean {
  try {
    requireHeldPolicy(held, now)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/** Unverified: used only to pass over what is held already. */
const versionOf = (root: Uint8Array): number =>
  parseRoot(openMultiSigned('root', root, nativeAlgorithms).payload).version

/** An older KRL teaches nothing and changes nothing: a courier that is behind is not refused for it. */
function recordUnlessOld(record: () => void): void {
  try {
    record()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'KRL_OLD') throw error
  }
}
