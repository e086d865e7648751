import { equalBytes } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { atStep, Refusal } from '../refusal.js'
import type { Assignment } from './assignment.js'
import { checkAssignment } from './check-assignment.js'
import {
  openEnvelope,
  requireManifest,
  requireManifestRoles,
  requireTarget,
  type CheckedEnvelope,
} from './check-envelope.js'
import { openFreshness, readTime, requireFresh } from './check-freshness.js'
import { applyKrl, findKrlExpiry, fitsCap, judgeKrl } from './take-krl.js'
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

/** Who judges: one device. */
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
 * Steps 1 to 9 of trust.md §5: brings root, KRL and freshness up to date. What was taken stays taken when a later step refuses.
 * @param save called before the step after it begins.
 * @returns the new state, and "now" as it was read or proven.
 * @throws Refusal with the number of the step.
 */
export function refreshTrust(
  held: TrustState,
  offer: UpdateOffer,
  context: DeviceContext,
  save: SaveState,
): { state: TrustState; now: number } {
  const { algorithms, clockSeconds, nonce } = context
  let state = held
  const keep = (next: TrustState): void => {
    if (next === state) return
    save(next)
    state = next
  }

  // §5, 1: the stored state, of this device's own namespace, and the time, read once.
  atStep(1, () => requireNamespace(state, context.namespace))
  let now = clockSeconds ?? state.latestSeconds

  // §5, 2: the root walk; each root by the threshold of the one before it and by its own, each stored.
  // §5, 3: within it, an epoch bump and nothing else forgets KRL number, entries, KRL floors and freshness.
  atStep(2, () => walkRoots(state, offer.roots, algorithms, keep))

  // §5, 4: without a clock the time is what a statement with our own nonce says now.
  if (clockSeconds === null)
    atStep(4, () => {
      now = readTime(state, requireSome(offer.freshness), requireNonce(nonce), algorithms)
      keep(raiseClock(state, now))
    })

  // §5, 5: the last root is not expired; those on the way may be.
  atStep(5, () => {
    const { expires } = state.root
    if (now >= expires) throw new Refusal('ROOT_EXPIRED', { expires, now })
  })

  // §5, 6: a KRL that is offered is good and newer, or the one that is held, or refused.
  const krl = atStep(6, () => (offer.krl === null ? null : judgeKrl(state, offer.krl, now, algorithms)))

  // §5, 7: past its hard expiry nothing new is installed. What it revokes is revoked all the same (I-5): that is kept first.
  atStep(7, () => {
    const expiry = findKrlExpiry(state, krl ?? state.krl, now)
    if (expiry === null) return
    if (krl !== null && fitsCap(state, krl)) keep(applyKrl(state, krl))
    throw expiry
  })

  // §5, 8: united with what is held, under a cap, and stored.
  atStep(8, () => {
    if (krl !== null) keep(applyKrl(state, krl))
  })

  // §5, 9: somebody who knows says that this root and this KRL are the newest.
  atStep(9, () => {
    const statement = requireSome(offer.freshness ?? state.freshness)
    const freshness = openFreshness(state, statement, now, nonce, algorithms)
    requireFresh(state, freshness)
    keep(raiseClock(holdFreshness(state, statement, nonce), freshness.time))
  })
  return { state, now }
}

/**
 * Decides whether to install what is offered: trust.md §5, steps 1 to 14, in that order. The one judge in the product: server
 * and signers call the functions of single steps over what they pass on. Payload and slots (15 to 18) follow in the device.
 * @throws Refusal with the number of the step; `ASSIGNMENT_MISSING` when there is nothing to install.
 */
export function acceptUpdate(
  held: TrustState,
  offer: UpdateOffer,
  context: DeviceContext,
  save: SaveState,
): AcceptedUpdate {
  const { algorithms } = context

  // §5, 1 to 9: whom to believe, and that it is what everybody is told.
  const { state, now } = refreshTrust(held, offer, context, save)

  // §5, 10: this device is asked to install that release, now.
  const assignment = atStep(10, () => {
    if (offer.assignment === null) throw new Refusal('ASSIGNMENT_MISSING', {})
    return checkAssignment(state, offer.assignment, context.deviceId, now, algorithms)
  })

  // §5, 11: the envelope's members, and the digest recomputed: the wrapper's, the assignment's, not a revoked one.
  const envelope = atStep(11, () => openEnvelope(state, offer.envelope ?? new Uint8Array(0), assignment.manifestSha256))

  // §5, 12: each manifest role that the root lists has signed that digest; nothing of the manifest is read before.
  const countedKeyIds = atStep(12, () => requireManifestRoles(state, envelope, now, algorithms))

  // §5, 13: the manifest is the template, for this vendor and class, and forward.
  const manifest = atStep(13, () => requireManifest(envelope))
  atStep(13, () => requireTarget(state, { envelope, manifest }, context))
  atStep(13, () => requireAssigned(assignment, manifest.sequence))

  // §5, 14: a root that names a log demands a proof of inclusion; without one nothing is installed.
  atStep(14, () => {
    if (state.root.log !== undefined) throw new Refusal('PROOF_MISSING', {})
  })
  return { envelope, manifest, countedKeyIds, manifestSha256: envelope.claimedSha256, state, assignment }
}

function requireNamespace({ root }: TrustState, expected: string): void {
  if (root.namespace !== expected) throw new Refusal('WRONG_NAMESPACE', { expected, found: root.namespace })
}

function requireSome(freshness: Uint8Array | null): Uint8Array {
  if (freshness === null) throw new Refusal('FRESHNESS_MISSING', {})
  return freshness
}

/** An answer to a nonce is for that poll alone; any other statement serves again when an answer comes without one. */
function holdFreshness(state: TrustState, statement: Uint8Array, nonce: Uint8Array | null): TrustState {
  const isHeld = state.freshness !== null && equalBytes(state.freshness, statement)
  return nonce !== null || isHeld ? state : { ...state, freshness: statement }
}

/** A device without a clock that asked without a nonce has been told nothing about time. */
function requireNonce(nonce: Uint8Array | null): Uint8Array {
  if (nonce === null) throw new Refusal('FRESHNESS_NONCE', {})
  return nonce
}

function requireAssigned(assignment: Assignment, sequence: number): void {
  if (assignment.sequence !== sequence)
    throw new Refusal('ASSIGNMENT_SEQUENCE', { assigned: assignment.sequence, manifest: sequence })
}
