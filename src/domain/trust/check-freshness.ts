import { equalBytes, toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { parseFreshness, type Freshness } from './freshness.js'
import { openSigned1 } from './signed-document.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

/**
 * Opens a freshness statement; what it names is compared by `requireFresh`.
 * @param now the clock; null on a device without one, for which only its own nonce speaks of time.
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `FRESHNESS_NONCE`, `FRESHNESS_EXPIRED`.
 */
export function openFreshness(
  state: TrustState,
  bytes: Uint8Array,
  now: number,
  nonce: Uint8Array | null,
  algorithms: AlgorithmTable,
): Freshness {
  const { payload } = openSigned1({
    document: 'freshness',
    bytes,
    root: state.root,
    roles: ['freshness'],
    revoked: revokedKeysOf(state),
    now,
    algorithms,
  })
  const freshness = parseFreshness(payload)
  if (freshness.namespace !== state.root.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: state.root.namespace, found: freshness.namespace })
  if (nonce !== null) {
    if (freshness.nonce === undefined || !equalBytes(freshness.nonce, nonce)) throw new Refusal('FRESHNESS_NONCE', {})
  } else if (now >= freshness.expires) throw new Refusal('FRESHNESS_EXPIRED', { expires: freshness.expires, now })
  return freshness
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
