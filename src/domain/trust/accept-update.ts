import type { AlgorithmTable } from '../cose/algorithms.js'
import { atStep, Refusal } from '../refusal.js'
import type { Assignment } from './assignment.js'
import { checkAssignment } from './check-assignment.js'
import { checkEnvelope, requireTarget, type CheckedEnvelope } from './check-envelope.js'
import { openFreshness, requireFresh } from './check-freshness.js'
import type { Freshness } from './freshness.js'
import { requireLiveKrl, takeKrl } from './take-krl.js'
import { raiseClock, type TrustState } from './trust-state.js'
import { walkRoots } from './walk-root.js'

/** Everything a server may offer at once; all of it is hostile until the step that checks it. */
export interface UpdateOffer {
  readonly roots: readonly Uint8Array[]
  readonly krl: Uint8Array | null
  readonly freshness: Uint8Array | null
  readonly assignment: Uint8Array | null
  readonly envelope: Uint8Array | null
}

/** Who judges: a device, or the server standing in for one. */
export interface DeviceContext {
  readonly namespace: string
  readonly deviceId: string
  readonly vendorId: Uint8Array
  readonly classId: Uint8Array
  readonly algorithms: AlgorithmTable
  /** The clock, read once for the whole decision; null on a device without one. */
  readonly clockSeconds: number | null
  /** The nonce this poll was made with; null when it had none. A device without a clock always has one. */
  readonly nonce: Uint8Array | null
}

export interface AcceptedUpdate extends CheckedEnvelope {
  readonly state: TrustState
  readonly assignment: Assignment
}

/** What an update was accepted on, to be stored before the next step is taken. */
export type SaveState = (state: TrustState) => void

/**
 * Steps 2 to 9 of trust.md §5: brings root, KRL and freshness up to date. What was taken stays taken when a later step refuses.
 * @returns the new state, and "now" as it was read or proven.
 * @throws Refusal with the number of the step.
 */
export function refreshTrust(
  held: TrustState,
  offer: UpdateOffer,
  context: DeviceContext,
  save: SaveState,
): { state: TrustState; now: number } {
  const { algorithms } = context
  let state = held
  const keep = (next: TrustState): TrustState => {
    if (next !== state) save(next)
    state = next
    return next
  }
  atStep(1, () => {
    if (state.root.namespace !== context.namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: context.namespace, found: state.root.namespace })
  })
  // Steps 2 and 3: the root chain; an epoch bump inside it forgets KRL state.
  atStep(2, () => walkRoots(state, offer.roots, algorithms, keep))
  // Step 4: without a clock, a statement with our own nonce tells the time.
  atStep(4, () => {
    if (context.clockSeconds === null) keep(raiseClock(state, timeByNonce(state, offer, context).time))
  })
  const now = context.clockSeconds ?? state.latestSeconds
  atStep(5, () => {
    if (now >= state.root.expires) throw new Refusal('ROOT_EXPIRED', { expires: state.root.expires, now })
  })
  // Steps 6 and 8: judged, united with what is held, stored.
  atStep(6, () => {
    if (offer.krl !== null) keep(takeKrl(state, offer.krl, now, algorithms))
  })
  atStep(7, () => requireLiveKrl(state, now))
  atStep(9, () => {
    if (offer.freshness === null) throw new Refusal('FRESHNESS_MISSING', {})
    const freshness = openFreshness(state, offer.freshness, now, context.nonce, algorithms)
    requireFresh(state, freshness)
    keep(raiseClock(state, freshness.time))
  })
  return { state, now }
}

function timeByNonce(state: TrustState, offer: UpdateOffer, context: DeviceContext): Freshness {
  if (offer.freshness === null) throw new Refusal('FRESHNESS_MISSING', {})
  if (context.nonce === null) throw new Refusal('FRESHNESS_NONCE', {})
  return openFreshness(state, offer.freshness, state.latestSeconds, context.nonce, context.algorithms)
}

/**
 * Decides whether to install what is offered: trust.md §5, steps 1 to 14, in that order. The one judge in the product:
 * devices run it over what a server says, the server over what a signer says. Payload and slots (15 to 18) follow in the device.
 * @throws Refusal with the number of the step; `ASSIGNMENT_MISSING` when there is nothing to install.
 */
export function acceptUpdate(
  held: TrustState,
  offer: UpdateOffer,
  context: DeviceContext,
  save: SaveState,
): AcceptedUpdate {
  const { state, now } = refreshTrust(held, offer, context, save)
  const assignment = atStep(10, () => {
    if (offer.assignment === null) throw new Refusal('ASSIGNMENT_MISSING', {})
    return checkAssignment(state, offer.assignment, context.deviceId, now, context.algorithms)
  })
  const envelope = offer.envelope ?? new Uint8Array(0)
  const checked = checkEnvelope(state, envelope, assignment.manifestSha256, now, context.algorithms)
  atStep(13, () => {
    requireTarget(state, checked, context)
    if (assignment.sequence !== checked.manifest.sequence)
      throw new Refusal('ASSIGNMENT_SEQUENCE', { assigned: assignment.sequence, manifest: checked.manifest.sequence })
  })
  atStep(14, () => {
    // A root that names a log demands a proof of inclusion; without one nothing is installed.
    if (state.root.log !== undefined) throw new Refusal('PROOF_MISSING', {})
  })
  return { ...checked, state, assignment }
}
