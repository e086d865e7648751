import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { canonicalSignature } from './algorithms.js'
import {
  encodeProtected,
  parseProtected,
  requireArray,
  requireBytes,
  requireEmptyUnprotected,
  type ProtectedHeader,
} from './headers.js'

export const COSE_SIGN1_TAG = 18

/** Makes a signature over a message: a token, a person's key file, a device's key. */
export interface MessageSigner {
  readonly alg: number
  /** 32 bytes. */
  readonly keyId: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** A COSE_Sign1 object taken apart; nothing in it is verified yet. */
export interface Sign1 extends ProtectedHeader {
  readonly protectedBytes: Uint8Array
  /** null when the payload is detached, as in SUIT authentication blocks. */
  readonly payload: Uint8Array | null
  readonly signature: Uint8Array
}

/**
 * What a COSE_Sign1 signature covers.
 * CDDL: Sig_structure = ["Signature1", body_protected: bstr, external_aad: bstr, payload: bstr]
 * @see RFC 9052 §4.4
 */
export const sign1Message = (protectedBytes: Uint8Array, externalAad: Uint8Array, payload: Uint8Array): Uint8Array =>
  encodeCbor(['Signature1', protectedBytes, externalAad, payload])

/** Signs `payload` and returns the tagged COSE_Sign1; `detached` leaves the payload out (RFC 9052 §4.2). */
export async function buildSign1(
  signer: MessageSigner,
  payload: Uint8Array,
  externalAad: Uint8Array,
  form: 'attached' | 'detached' = 'attached',
): Promise<Uint8Array> {
  const protectedBytes = encodeProtected(signer.alg, signer.keyId)
  const made = await signer.sign(sign1Message(protectedBytes, externalAad, payload))
  const signature = canonicalSignature(signer.alg, made)
  return encodeSign1(protectedBytes, form === 'attached' ? payload : null, signature)
}

export const encodeSign1 = (
  protectedBytes: Uint8Array,
  payload: Uint8Array | null,
  signature: Uint8Array,
): Uint8Array => encodeCbor(new CborTag(COSE_SIGN1_TAG, [protectedBytes, new Map(), payload, signature]))

/**
 * Takes a tagged COSE_Sign1 apart.
 * @param maxBytes the bound of the document it is.
 * @throws Refusal `CBOR_*` for the bytes, `COSE_MALFORMED` for the structure (no tag 18, a filled unprotected header, …).
 */
export function parseSign1(bytes: Uint8Array, maxBytes: number): Sign1 {
  const value = decodeCbor(bytes, { maxBytes, maxDepth: 4, tags: [COSE_SIGN1_TAG] })
  if (!(value instanceof CborTag)) throw new Refusal('COSE_MALFORMED', { why: 'not a tagged COSE_Sign1' })
  const [header, unprotected, payload, signature] = requireArray(value.value, 4, 'COSE_Sign1')
  const protectedBytes = requireBytes(header, 'protected header')
  requireEmptyUnprotected(unprotected)
  const { alg, keyId } = parseProtected(protectedBytes)
  return {
    alg,
    keyId,
    protectedBytes,
    payload: payload === null ? null : requireBytes(payload, 'payload'),
    signature: requireBytes(signature, 'signature'),
  }
}
