import { Refusal } from '../../domain/refusal.js'
import type { KeyRole } from '../../domain/trust/roles.js'
import type { Root, RootKey } from '../../domain/trust/root.js'
import { revokedKeysOf, type TrustState } from '../../domain/trust/trust-state.js'
import type { TokenKey } from '../../token/token.port.js'

/**
 * The key of the token that signs for a role: listed by the newest root, active and unrevoked where there is one, and of those
 * the one that became active last, so that a successor takes over on its day. Where none is good the best of the bad is
 * named, and checks 10 and 15 say what is wrong with it.
 * @throws Refusal `SIGNER_KEY_MISSING` when the root lists no key of this token for the role.
 */
export function chooseSigningKey(state: TrustState, role: KeyRole, keys: readonly TokenKey[], now: number): RootKey {
  const revoked = revokedKeysOf(state)
  const rank = (key: RootKey): number => (isActive(key, now) ? 2 : 0) + (revoked.has(key.keyId) ? 0 : 1)
  let best: RootKey | null = null
  for (const { keyId } of keys) {
    const key = findListed(state.root, role, keyId)
    if (key === null) continue
    if (best === null || (rank(key) - rank(best) || key.notBefore - best.notBefore) > 0) best = key
  }
  if (best === null) throw new Refusal('SIGNER_KEY_MISSING', { role })
  return best
}

function findListed(root: Root, role: KeyRole, keyId: string): RootKey | null {
  const key = root.roles.get(role)?.keyIds.includes(keyId) === true ? root.keys.get(keyId) : undefined
  return key ?? null
}

const isActive = (key: RootKey, now: number): boolean => key.notBefore <= now && now < key.notAfter

/** Check 10, the signer's own part. @throws Refusal `KEY_REVOKED`. */
export function requireUnrevoked(state: TrustState, key: RootKey): void {
  if (revokedKeysOf(state).has(key.keyId)) throw new Refusal('KEY_REVOKED', { keyId: key.keyId })
}

/** Check 15: active now, of an algorithm the root allows, and the one the token signs with. @throws Refusal `KEY_NOT_ACTIVE`, `ALGORITHM_NOT_ALLOWED`. */
export function requireUsable(root: Root, key: RootKey, keys: readonly TokenKey[], now: number): void {
  const { keyId, notBefore, notAfter, alg } = key
  if (!isActive(key, now)) throw new Refusal('KEY_NOT_ACTIVE', { keyId, notBefore, notAfter, now })
  const inToken = keys.find((one) => one.keyId === keyId)
  if (!root.algorithms.includes(alg) || inToken?.algorithm !== alg) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg })
}
