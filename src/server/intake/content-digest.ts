import { equalBytes, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'

/** Longest field that is read: a dozen digests fit. */
const MAX_FIELD = 1_024
/** One member of a dictionary of byte sequences (RFC 9651 §3.2, §3.3.5): key, base64 between colons. No parameters are defined. */
const MEMBER = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):$/

/**
 * Holds `Content-Digest` and `Repr-Digest` (RFC 9530 §2, §3) against the digest in the path. A body that is sent whole and
 * unencoded is its own representation, so both say the same here. Other algorithms may stand beside sha-256; they are not
 * compared (RFC 9530 §2: a recipient may ignore them).
 * @param fields the values as they came; absent ones are undefined.
 * @throws Refusal `REQUEST_INVALID` naming the field that is malformed or lacks sha-256, `DIGEST_MISMATCH`.
 */
export function requireDigestFields(sha256: Uint8Array, fields: Readonly<Record<string, string | undefined>>): void {
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const found = readSha256(field, value)
    if (!equalBytes(found, sha256))
      throw new Refusal('DIGEST_MISMATCH', { what: field, expected: toHex(sha256), found: toHex(found) })
  }
}

function readSha256(field: string, value: string): Uint8Array {
  const invalid = (why: string): Refusal => new Refusal('REQUEST_INVALID', { field, why })
  if (value.length > MAX_FIELD) throw invalid(`longer than ${MAX_FIELD} characters`)
  const members = new Map<string, Uint8Array>()
  for (const text of value.split(',')) {
    const [, key, base64] = MEMBER.exec(text.replace(/^[ \t]+|[ \t]+$/g, '')) ?? []
    const bytes = base64 === undefined ? null : findBase64(base64)
    if (key === undefined || bytes === null) throw invalid('not a dictionary of byte sequences, such as sha-256=:…:')
    // RFC 9651 lets the last one win; two answers to one question are none.
    if (members.has(key)) throw invalid(`${key} stands there twice`)
    members.set(key, bytes)
  }
  const digest = members.get('sha-256')
  if (digest === undefined) throw invalid('no sha-256')
  if (digest.length !== 32) throw invalid('sha-256 is not 32 bytes')
  return digest
}

/** Padded base64 in its one spelling (RFC 4648 §4). */
function findBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null
}
