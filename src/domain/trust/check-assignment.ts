import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { MAX_ASSIGNMENT_LIFE_SECONDS, parseAssignment, type Assignment } from './assignment.js'
import { openSigned1 } from './signed-document.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

/**
 * Is this device asked to install that release now? (trust.md §5, step 10; checked again before the slot switch.)
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `ASSIGNMENT_*`.
 */
export function checkAssignment(
  state: TrustState,
  bytes: Uint8Array,
  deviceId: string,
  now: number,
  algorithms: AlgorithmTable,
): Assignment {
  const { payload } = openSigned1({
    document: 'assignment',
    bytes,
    root: state.root,
    roles: ['assignment'],
    revoked: revokedKeysOf(state),
    now,
    algorithms,
  })
  const assignment = parseAssignment(payload)
  const { root } = state
  if (assignment.namespace !== root.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: root.namespace, found: assignment.namespace })
  if (assignment.deviceId !== deviceId) throw new Refusal('ASSIGNMENT_OTHER_DEVICE', { deviceId: assignment.deviceId })
  const seconds = assignment.expires - assignment.notBefore
  if (seconds > MAX_ASSIGNMENT_LIFE_SECONDS)
    throw new Refusal('ASSIGNMENT_LIFE', { seconds, limitSeconds: MAX_ASSIGNMENT_LIFE_SECONDS })
  if (now < assignment.notBefore) throw new Refusal('ASSIGNMENT_NOT_YET', { notBefore: assignment.notBefore, now })
  if (now >= assignment.expires) throw new Refusal('ASSIGNMENT_EXPIRED', { expires: assignment.expires, now })
  const held = state.krl?.number ?? 0
  if (assignment.leastKrlNumber > held)
    throw new Refusal('ASSIGNMENT_NEEDS_KRL', { needed: assignment.leastKrlNumber, held })
  return assignment
}
