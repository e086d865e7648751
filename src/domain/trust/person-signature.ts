import { toHex } from '../bytes.js'
import { algorithmOf, type AlgorithmTable } from '../cose/algorithms.js'
import { keyIdHexOf, type CoseKey } from '../cose/cose-key.js'
import { parseSign1 } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'
import { MAX_DOCUMENT_BYTES, type DocumentKind } from './labels.js'
import type { Person, Policy } from './policy.js'
import { requireAttached, requireSize, type RevokedKeys } from './signed-document.js'

/** Whose key it is, by the policy; null when nobody's. */
export function findPerson(policy: Policy, keyId: string): { person: Person; key: CoseKey } | null {
  for (const person of policy.persons.values())
    for (const key of person.keys) if (keyIdHexOf(key) === keyId) return { person, key }
  return null
}

export interface PersonSigned {
  readonly payload: Uint8Array
  readonly person: Person
  readonly keyId: string
}

/**
 * Opens a submission or an approval: signed by a key that the policy lists for a person who is still in it.
 * @throws Refusal `APPROVER_UNKNOWN` or `SUBMITTER_UNKNOWN`, `KEY_REVOKED`, `KEY_NOT_ACTIVE`, `ALGORITHM_NOT_ALLOWED`, `SIGNATURE_INVALID`.
 */
export function openPersonSigned(
  document: Extract<DocumentKind, 'submission' | 'approval'>,
  bytes: Uint8Array,
  policy: Policy,
  allowed: readonly number[],
  revoked: RevokedKeys,
  now: number,
  algorithms: AlgorithmTable,
): PersonSigned {
  requireSize(document, bytes)
  const parsed = parseSign1(bytes, MAX_DOCUMENT_BYTES)
  const keyId = parsed.keyId === null ? '' : toHex(parsed.keyId)
  const found = findPerson(policy, keyId)
  if (found === null) throw new Refusal(document === 'approval' ? 'APPROVER_UNKNOWN' : 'SUBMITTER_UNKNOWN', { keyId })
  if (revoked.has(keyId)) throw new Refusal('KEY_REVOKED', { keyId })
  const { person, key } = found
  if (now >= person.notAfter)
    throw new Refusal('KEY_NOT_ACTIVE', { keyId, notBefore: 0, notAfter: person.notAfter, now })
  const alg = algorithmOf(key)
  if (!allowed.includes(alg)) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg })
  return { payload: requireAttached(algorithms, { key, alg }, parsed, document), person, keyId }
}
