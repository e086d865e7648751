import { Refusal } from '../../domain/refusal.js'
import type { SignerState } from '../signer-state.js'

/** Check 25: nothing is signed on state that may be a restored one, until people say so. @throws Refusal `SIGNER_SUSPENDED`. */
export function requireNotSuspended(state: SignerState): void {
  if (state.continuity.suspensionId !== null) throw new Refusal('SIGNER_SUSPENDED', {})
}
