import { toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { parseSign, signMessage } from '../cose/sign.js'
import { parseSign1, sign1Message, type Sign1 } from '../cose/sign1.js'
import { requireSignature } from '../cose/verify.js'
import { Refusal } from '../refusal.js'
import { labelOf, MAX_DOCUMENT_BYTES, type DocumentKind } from './labels.js'
import type { Root, RootKey } from './root.js'
import type { KeyRole } from './roles.js'

/** Key ids that the newest known KRL revokes. */
export type RevokedKeys = ReadonlyMap<string, unknown>
export const nothingRevoked: RevokedKeys = new Map()

/** Refuses a document too large to look at, before any of it is parsed. */
export function requireSize(document: DocumentKind, bytes: Uint8Array, limitBytes = MAX_DOCUMENT_BYTES): void {
  if (bytes.length > limitBytes)
    throw new Refusal('DOCUMENT_TOO_LARGE', { document, sizeBytes: bytes.length, limitBytes })
}

/**
 * The key of that name in one of the roles, when it may be used now.
 * @param now seconds; null where the life of keys is not asked (roots), or asked by the caller.
 * @throws Refusal `KEY_UNKNOWN`, `KEY_REVOKED`, `KEY_NOT_ACTIVE`.
 */
export function requireKey(
  root: Root,
  roles: readonly KeyRole[],
  keyId: Uint8Array | null,
  revoked: RevokedKeys,
  now: number | null,
): RootKey {
  const name = keyId === null ? '' : toHex(keyId)
  const row = root.keys.get(name)
  if (row === undefined || !roles.some((role) => root.roles.get(role)?.keyIds.includes(name)))
    throw new Refusal('KEY_UNKNOWN', { keyId: name, role: roles.join(' or ') })
  if (revoked.has(name)) throw new Refusal('KEY_REVOKED', { keyId: name })
  if (now !== null) requireActive(row, now)
  // The root's allow-list is not optional: an algorithm that left it is refused with every key that uses it.
  if (!root.algorithms.includes(row.alg)) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: row.alg })
  return row
}

/** Active means not-before ≤ now < not-after (trust.md §2). @throws Refusal `KEY_NOT_ACTIVE`. */
export function requireActive({ keyId, notBefore, notAfter }: RootKey, now: number): void {
  if (now < notBefore || now >= notAfter) throw new Refusal('KEY_NOT_ACTIVE', { keyId, notBefore, notAfter, now })
}

export interface OpenSigned1 {
  readonly document: DocumentKind
  readonly bytes: Uint8Array
  readonly root: Root
  readonly roles: readonly KeyRole[]
  readonly revoked: RevokedKeys
  /** Seconds; null where the caller asks for the life of the key itself. */
  readonly now: number | null
  readonly algorithms: AlgorithmTable
  readonly maxBytes?: number
}

/**
 * Opens a document that one key of a role signs: krl, freshness, assignment.
 * @returns the payload as received, and the key that signed it.
 * @throws Refusal `DOCUMENT_TOO_LARGE`, `COSE_MALFORMED`, `KEY_*`, `ALGORITHM_NOT_ALLOWED`, `SIGNATURE_INVALID`.
 */
export function openSigned1(request: OpenSigned1): { payload: Uint8Array; key: RootKey } {
  requireSize(request.document, request.bytes, request.maxBytes)
  const parsed = parseSign1(request.bytes, request.maxBytes ?? MAX_DOCUMENT_BYTES)
  const key = requireKey(request.root, request.roles, parsed.keyId, request.revoked, request.now)
  return { payload: requireAttached(request.algorithms, key, parsed, request.document), key }
}

/** Verifies an attached Sign1 with a key that was found already (a person's, a device's) and gives its payload. */
export function requireAttached(
  algorithms: AlgorithmTable,
  key: { readonly key: RootKey['key']; readonly alg: number },
  parsed: Sign1,
  document: DocumentKind,
): Uint8Array {
  if (parsed.payload === null) throw new Refusal('COSE_MALFORMED', { why: 'payload is detached' })
  const message = sign1Message(parsed.protectedBytes, labelOf(document), parsed.payload)
  requireSignature(algorithms, key, parsed, message)
  return parsed.payload
}

/** A document that several keys sign, before their thresholds are counted. */
export interface MultiDocument {
  readonly payload: Uint8Array
  /**
   * Refuses unless the threshold of `role` in `root` is met by valid signatures. Each key is counted once.
   * @throws Refusal `THRESHOLD_NOT_MET`, `SIGNATURE_INVALID`.
   */
  requireThreshold(root: Root, role: KeyRole, revoked: RevokedKeys, now: number | null): void
  /**
   * Refuses a signature that no threshold counted, by a key that holds the role in none of those roots: it is there for nothing,
   * and whoever passes the document on could change it. @throws Refusal `KEY_UNKNOWN`.
   */
  requireEachCounted(role: KeyRole): void
}

/**
 * Opens a root or a policy. Duplicate key ids are refused before anything is counted.
 * @throws Refusal `DOCUMENT_TOO_LARGE`, `COSE_MALFORMED`, `SIGNATURE_DUPLICATE`.
 */
export function openMultiSigned(
  document: 'root' | 'policy',
  bytes: Uint8Array,
  algorithms: AlgorithmTable,
): MultiDocument {
  requireSize(document, bytes)
  const { payload, signatures } = parseSign(bytes, MAX_DOCUMENT_BYTES)
  const named = signatures.map((one) => [toHex(one.keyId), one] as const)
  /** Algorithm by key id. */
  const verified = new Map<string, number>()
  return {
    payload,
    requireThreshold(root, role, revoked, now) {
      let counted = 0
      for (const [name, one] of named) {
        // A signature of another role (the next root's own holders) is not counted here, and not refused here.
        if (root.roles.get(role)?.keyIds.includes(name) !== true) continue
        const key = requireKey(root, [role], one.keyId, revoked, now)
        // Roots N and N+1 usually share holders; with the same pinned key the work is done once.
        if (verified.get(name) !== key.alg) {
          requireSignature(algorithms, key, one, signMessage(one.protectedBytes, labelOf(document), payload))
          verified.set(name, key.alg)
        }
        counted += 1
      }
      const needed = root.roles.get(role)?.threshold ?? Number.MAX_SAFE_INTEGER
      if (counted < needed) throw new Refusal('THRESHOLD_NOT_MET', { role, needed, counted })
    },
    requireEachCounted(role) {
      for (const [keyId] of named) if (!verified.has(keyId)) throw new Refusal('KEY_UNKNOWN', { keyId, role })
    },
  }
}
