import type { Policy } from './policy.js'
import type { KeyRole } from './roles.js'
import type { RootKey } from './root.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

/** A key of the newest root by role, with what the KRL and the clock say about it. */
export interface KeyStanding {
  readonly keyId: string
  readonly role: KeyRole
  readonly alg: number
  readonly notBefore: number
  readonly notAfter: number
  readonly state: 'active' | 'future' | 'expired' | 'revoked'
  /** Who answers for it, and who does in their absence: policy member 11. */
  readonly owner?: string
  readonly deputy?: string
}

/** Every key of the newest root. @param now seconds. */
export function keyStandings(state: TrustState, owners: Policy['owners'], now: number): readonly KeyStanding[] {
  const { root } = state
  const revoked = revokedKeysOf(state)
  return [...root.roles].flatMap(([role, { keyIds }]) =>
    keyIds.flatMap((keyId): KeyStanding[] => {
      const key = root.keys.get(keyId)
      if (key === undefined) return []
      const { alg, notBefore, notAfter } = key
      const [owner, deputy] = owners?.get(keyId) ?? []
      return [
        {
          keyId,
          role,
          alg,
          notBefore,
          notAfter,
          state: revoked.has(keyId) ? 'revoked' : lifeOf(key, now),
          ...(owner === undefined ? {} : { owner }),
          ...(deputy === undefined ? {} : { deputy }),
        },
      ]
    }),
  )
}

function lifeOf(key: RootKey, now: number): 'active' | 'future' | 'expired' {
  if (now < key.notBefore) return 'future'
  return now < key.notAfter ? 'active' : 'expired'
}
