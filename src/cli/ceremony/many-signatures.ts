import { equalBytes, sha256Hex, toHex } from '../../domain/bytes.js'
import { encodeSign, makeOneSignature, parseSign } from '../../domain/cose/sign.js'
import type { MessageSigner } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { labelOf, MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import type { Counted } from './ceremony-kind.js'

/** A holder's part of a root or a policy: the document with their signature alone. */
export const signAlone = async (
  document: 'root' | 'policy',
  payload: Uint8Array,
  signer: MessageSigner,
): Promise<Uint8Array> => encodeSign(payload, [await makeOneSignature(signer, payload, labelOf(document))])

/** All signatures under one payload. @throws Refusal `DIGEST_MISMATCH` for a part over another payload. */
export function joinSignatures(payload: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const opened = parts.map((part) => parseSign(part, MAX_DOCUMENT_BYTES))
  const stranger = opened.find((part) => !equalBytes(part.payload, payload))
  if (stranger !== undefined)
    throw new Refusal('DIGEST_MISMATCH', {
      what: 'payload of a signature',
      expected: sha256Hex(payload),
      found: sha256Hex(stranger.payload),
    })
  return encodeSign(
    payload,
    opened.flatMap(({ signatures }) => signatures),
  )
}

/** Of the signatures of a verified document those that its threshold counted. */
export const countedOf = (bytes: Uint8Array, holders: readonly string[], as: string): Counted[] =>
  parseSign(bytes, MAX_DOCUMENT_BYTES)
    .signatures.map(({ keyId }) => (keyId === null ? '' : toHex(keyId)))
    .filter((keyId) => holders.includes(keyId))
    .map((keyId) => ({ keyId, as }))
