import type { RootKey } from '../../domain/trust/root.js'
import type { TrustSnapshot } from './trust-snapshot.js'

export interface KeyView {
  readonly keyId: string
  readonly role: string
  readonly alg: number
  readonly notBefore: number
  readonly notAfter: number
  readonly state: 'active' | 'future' | 'expired' | 'revoked'
  readonly owner?: string
  readonly deputy?: string
}

/** The keys of the newest root by role, with what the KRL and the clock say about each. */
export function listKeys(snapshot: TrustSnapshot, now: number): readonly KeyView[] {
  const { root, krl } = snapshot.state
  return [...root.roles].flatMap(([role, { keyIds }]) =>
    keyIds.flatMap((keyId): KeyView[] => {
      const key = root.keys.get(keyId)
      if (key === undefined) return []
      const { alg, notBefore, notAfter } = key
      const [owner, deputy] = snapshot.policyContent?.owners?.get(keyId) ?? []
      return [
        {
          keyId,
          role,
          alg,
          notBefore,
          notAfter,
          state: krl?.keys.has(keyId) === true ? 'revoked' : lifeOf(key, now),
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
