import { equalBytes, toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { MAX_FRESHNESS_LIFE_SECONDS, parseFreshness, type Freshness } from './freshness.js'
import type { RootKey } from './root.js'
import { openSigned1, requireActive } from './signed-document.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

/** How far a device's clock may be behind that of the signer: a statement from later than that would outlive its day. */
const MAX_CLOCK_LAG_SECONDS = 3_600

/**
 * Opens a freshness statement (trust.md §5, step 9); what it names is compared by `requireFresh`.
 * @param nonce of this poll; a statement that answers it is young by that, whatever its dates say. Null where none was sent.
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `FRESHNESS_LIFE`, `FRESHNESS_NONCE`, `FRESHNESS_EXPIRED`,
 *   `FRESHNESS_NOT_YET`.
 */
export function openFreshness(
  state: TrustState,
  bytes: Uint8Array,
  now: number,
  nonce: Uint8Array | null,
  algorithms: AlgorithmTable,
): Freshness {
  const { freshness } = open(state, bytes, now, algorithms)
  if (nonce !== null) requireNonce(freshness, nonce)
  else requireAlive(freshness, now)
  return freshness
}

function requireAlive({ time, expires }: Freshness, now: number): void {
  if (now >= expires) throw new Refusal('FRESHNESS_EXPIRED', { expires, now })
  if (time > now + MAX_CLOCK_LAG_SECONDS) throw new Refusal('FRESHNESS_NOT_YET', { time, now })
}

/**
 * The time, for a device without a clock, from a statement that answers its own nonce (trust.md §5, step 4). Its key must be
 * active at the time it tells, and not at the last one this device knew: after years on a shelf no key of then is listed.
 * @returns seconds; never less than the state knew.
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `FRESHNESS_LIFE`, `FRESHNESS_NONCE`.
 */
export function readTime(state: TrustState, bytes: Uint8Array, nonce: Uint8Array, algorithms: AlgorithmTable): number {
  const { freshness, key } = open(state, bytes, null, algorithms)
  requireNonce(freshness, nonce)
  const time = Math.max(freshness.time, state.latestSeconds)
  requireActive(key, time)
  return time
}

function open(
  state: TrustState,
  bytes: Uint8Array,
  now: number | null,
  algorithms: AlgorithmTable,
): { freshness: Freshness; key: RootKey } {
  const { root } = state
  const revoked = revokedKeysOf(state)
  const { payload, key } = openSigned1({
    document: 'freshness',
    bytes,
    root,
    roles: ['freshness'],
    revoked,
    now,
    algorithms,
  })
  const freshness = parseFreshness(payload)
  if (freshness.namespace !== root.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: root.namespace, found: freshness.namespace })
  const seconds = freshness.expires - freshness.time
  if (seconds > MAX_FRESHNESS_LIFE_SECONDS)
    throw new Refusal('FRESHNESS_LIFE', { seconds, limitSeconds: MAX_FRESHNESS_LIFE_SECONDS })
  return { freshness, key }
}

function requireNonce(freshness: Freshness, nonce: Uint8Array): void {
  if (freshness.nonce === undefined || !equalBytes(freshness.nonce, nonce)) throw new Refusal('FRESHNESS_NONCE', {})
}

/**
 * What the statement names must be held (trust.md §5, step 9): a newer KRL or root exists and is withheld otherwise.
 * @throws Refusal `FRESHNESS_KRL` (fetch that KRL), `KRL_EQUIVOCATION`, `FRESHNESS_ROOT` (back to the root walk).
 */
export function requireFresh(state: TrustState, freshness: Freshness): void {
  const { root, krl } = state
  if (freshness.rootVersion > root.version)
    throw new Refusal('FRESHNESS_ROOT', { held: root.version, named: freshness.rootVersion })
  const held = krl?.number ?? 0
  if (freshness.krlNumber > held) throw new Refusal('FRESHNESS_KRL', { held, named: freshness.krlNumber })
  if (krl !== null && freshness.krlNumber === held && toHex(freshness.krlSha256) !== krl.sha256)
    throw new Refusal('KRL_EQUIVOCATION', { number: held })
}
