import { compareBytes } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { canonicalSignature } from './algorithms.js'
import {
  encodeProtected,
  parseProtected,
  requireArray,
  requireAscending,
  requireBytes,
  requireEmptyUnprotected,
  type ProtectedHeader,
} from './headers.js'
import type { MessageSigner } from './sign1.js'

export const COSE_SIGN_TAG = 98
const NO_HEADER = new Uint8Array(0)
/** More signatures than any quorum of people; a bound on the work of a verifier. */
export const MAX_SIGNATURES = 64

/** One of the signatures of a COSE_Sign object; nothing in it is verified yet. */
export interface OneSignature extends ProtectedHeader {
  readonly keyId: Uint8Array
  readonly protectedBytes: Uint8Array
  readonly signature: Uint8Array
}
export interface MultiSigned {
  readonly payload: Uint8Array
  readonly signatures: readonly OneSignature[]
}

/**
 * What one signature of a COSE_Sign covers; the body header is empty.
 * CDDL: ["Signature", body_protected: bstr, sign_protected: bstr, external_aad: bstr, payload: bstr]
 * @see RFC 9052 §4.4
 */
export const signMessage = (signProtected: Uint8Array, externalAad: Uint8Array, payload: Uint8Array): Uint8Array =>
  encodeCbor(['Signature', NO_HEADER, signProtected, externalAad, payload])

/** One holder's signature, to be assembled with those of others. */
export async function makeOneSignature(
  signer: MessageSigner,
  payload: Uint8Array,
  externalAad: Uint8Array,
): Promise<OneSignature> {
  const protectedBytes = encodeProtected(signer.alg, signer.keyId)
  const made = await signer.sign(signMessage(protectedBytes, externalAad, payload))
  const signature = canonicalSignature(signer.alg, made)
  return { alg: signer.alg, keyId: signer.keyId, protectedBytes, signature }
}

/** In whatever order they were collected: the document has its one. */
export const encodeSign = (payload: Uint8Array, signatures: readonly OneSignature[]): Uint8Array =>
  encodeCbor(
    new CborTag(COSE_SIGN_TAG, [
      NO_HEADER,
      new Map(),
      payload,
      signatures
        .toSorted((one, other) => compareBytes(one.keyId, other.keyId))
        .map((one) => [one.protectedBytes, new Map(), one.signature]),
    ]),
  )

/**
 * Takes a tagged COSE_Sign apart: its signatures in ascending order of their keyids, each keyid once.
 * @throws Refusal `CBOR_*` for the bytes, `COSE_MALFORMED` for the structure, `SIGNATURE_DUPLICATE`.
 */
export function parseSign(bytes: Uint8Array, maxBytes: number): MultiSigned {
  const value = decodeCbor(bytes, { maxBytes, maxDepth: 6, tags: [COSE_SIGN_TAG] })
  if (!(value instanceof CborTag)) throw new Refusal('COSE_MALFORMED', { why: 'not a tagged COSE_Sign' })
  const [header, unprotected, payload, list] = requireArray(value.value, 4, 'COSE_Sign')
  if (requireBytes(header, 'body header').length !== 0)
    throw new Refusal('COSE_MALFORMED', { why: 'body header is not empty' })
  requireEmptyUnprotected(unprotected)
  if (!Array.isArray(list) || list.length > MAX_SIGNATURES)
    throw new Refusal('COSE_MALFORMED', { why: `signatures are not an array of at most ${MAX_SIGNATURES}` })
  const signatures = list.map(parseOne)
  requireAscending(signatures)
  return { payload: requireBytes(payload, 'payload'), signatures }
}

function parseOne(value: unknown): OneSignature {
  const [header, unprotected, signature] = requireArray(value as never, 3, 'signature')
  const protectedBytes = requireBytes(header, 'protected header')
  requireEmptyUnprotected(unprotected)
  const { alg, keyId } = parseProtected(protectedBytes)
  if (keyId === null) throw new Refusal('COSE_MALFORMED', { why: 'no keyid in the protected header' })
  return { alg, keyId, protectedBytes, signature: requireBytes(signature, 'signature') }
}
