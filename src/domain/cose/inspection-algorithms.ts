import { ED25519, ESP256, nativeAlgorithms, type Algorithm, type AlgorithmTable } from './algorithms.js'

/** The polymorphic numbers of RFC 9053 that envelopes of others still carry. */
const EDDSA = -8
const ES256 = -7

const renamed = (id: number, name: string, like: number): [number, Algorithm][] => {
  const row = nativeAlgorithms.get(like)
  return row === undefined ? [] : [[id, { ...row, id, name }]]
}

/**
 * For looking at envelopes, never for accepting one: also checks `-8` and `-7`, which our own tables leave out.
 * Nothing that decides about an update may import this.
 */
export const inspectionAlgorithms: AlgorithmTable = new Map([
  ...nativeAlgorithms,
  ...renamed(EDDSA, 'EdDSA', ED25519),
  ...renamed(ES256, 'ES256', ESP256),
])

const registeredNames = new Map([
  [4, 'HMAC 256/64'],
  [5, 'HMAC 256/256'],
  [6, 'HMAC 384/384'],
  [7, 'HMAC 512/512'],
  [-35, 'ES384'],
  [-36, 'ES512'],
  [-46, 'HSS-LMS'],
  [-48, 'ML-DSA-44'],
  [-49, 'ML-DSA-65'],
  [-50, 'ML-DSA-87'],
  [-51, 'ESP384'],
  [-52, 'ESP512'],
  [-53, 'Ed448'],
])

/** The name in the COSE registry, as far as envelopes are met with it; null for others. */
export const findAlgorithmName = (id: number): string | null =>
  inspectionAlgorithms.get(id)?.name ?? registeredNames.get(id) ?? null
