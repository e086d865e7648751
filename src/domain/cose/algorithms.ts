import {
  createHash,
  createPublicKey,
  verify as verifyNative,
  type KeyObject,
  type VerifyKeyObjectInput,
} from 'node:crypto'
import * as noble from '@noble/ed25519'
import { toBase64Url } from '../bytes.js'
import type { CoseKey } from './cose-key.js'
import { lowerP256Signature } from './p256-signature.js'

/**
 * One row: a signature algorithm fully specified by its COSE number. A new algorithm is a new row, no caller changes:
 * nobody beside the row knows how long its signatures are or how its keys look.
 */
export interface Algorithm {
  readonly id: number
  readonly name: string
  readonly keyKind: CoseKey['kind']
  readonly signatureBytes: number
  /** @returns false for anything but a valid signature; never throws on what an attacker chose. */
  verify(key: CoseKey, message: Uint8Array, signature: Uint8Array): boolean
  /** The same by another thread, where it can be had: for whoever has others waiting. */
  verifyAside?(key: CoseKey, message: Uint8Array, signature: Uint8Array): Promise<boolean>
  /**
   * The one form of a signature of that length that documents may carry, of those that anybody can make of it; the very same
   * bytes when it is that already. Whether it is valid is not asked.
   */
  canonical(signature: Uint8Array): Uint8Array
}

/** COSE numbers that are counted: Ed25519 (RFC 9864) and ESP256, ECDSA with P-256 and SHA-256 (RFC 9864). */
export const ED25519 = -19
export const ESP256 = -9

/** The one algorithm that each kind of key is used with; an AKP key says it itself. */
export function algorithmOf(key: CoseKey): number {
  switch (key.kind) {
    case 'ed25519':
      return ED25519
    case 'p256':
      return ESP256
    case 'akp':
      return key.alg
  }
}

/** The algorithms that a verifier knows. `-8`, `-7` and MACs are in no table: they are never counted. */
export type AlgorithmTable = ReadonlyMap<number, Algorithm>

// noble's synchronous functions take their hash from here.
noble.hashes.sha512 = (message) => new Uint8Array(createHash('sha512').update(message).digest())

/** Keys on the two curves; OpenSSL has them, and so the rows below check only these. */
type CurveKey = Exclude<CoseKey, { kind: 'akp' }>

const importedByObject = new WeakMap<CoseKey, KeyObject>()
const importedByName = new Map<string, KeyObject>()
const IMPORTED_LIMIT = 16_384

/** Keys of roots and policies stay the same objects; those of devices are read again and again, and known by their bytes. */
function nativeKey(key: CurveKey): KeyObject {
  const known = importedByObject.get(key)
  if (known !== undefined) return known
  const object = nativeKeyByName(key)
  importedByObject.set(key, object)
  return object
}

/** Importing a JWK costs a tenth of a verification, importing SPKI as much as one: JWK, and remembered up to a bound. */
function nativeKeyByName(key: CurveKey): KeyObject {
  const name = `${toBase64Url(key.x)}${key.kind === 'p256' ? toBase64Url(key.y) : ''}`
  const known = importedByName.get(name)
  if (known !== undefined) return known
  const jwk =
    key.kind === 'ed25519'
      ? { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(key.x) }
      : { kty: 'EC', crv: 'P-256', x: toBase64Url(key.x), y: toBase64Url(key.y) }
  const object = createPublicKey({ key: jwk, format: 'jwk' })
  if (importedByName.size >= IMPORTED_LIMIT) importedByName.clear()
  importedByName.set(name, object)
  return object
}

const digestFor = (key: CurveKey): string | null => (key.kind === 'ed25519' ? null : 'sha256')
const verifierOf = (key: CurveKey): KeyObject | VerifyKeyObjectInput =>
  key.kind === 'ed25519' ? nativeKey(key) : { key: nativeKey(key), dsaEncoding: 'ieee-p1363' }

function verifyWithNode(key: CurveKey, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verifyNative(digestFor(key), message, verifierOf(key), signature)
  } catch {
    // A point that is not on its curve cannot be imported: no signature by it is valid.
    return false
  }
}

function verifyWithNodeAside(key: CurveKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      verifyNative(digestFor(key), message, verifierOf(key), signature, (error, isValid) =>
        resolve(error === null && isValid),
      )
    } catch {
      resolve(false)
    }
  })
}

function verifyStrict(key: CurveKey, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    // zip215: false is RFC 8032 with canonical points only; the default accepts more. It still multiplies by the cofactor, OpenSSL
    // does not (RFC 8032 §5.1.7 leaves it open): asking both, a device takes nothing that a server or a signer would refuse.
    return noble.verify(signature, message, key.x, { zip215: false }) && verifyWithNode(key, message, signature)
  } catch {
    return false
  }
}

/** Both curves have signatures of 64 bytes: R ‖ S. */
const CURVE_SIGNATURE_BYTES = 64

const isOfRow = (kind: CurveKey['kind'], key: CoseKey, signature: Uint8Array): key is CurveKey =>
  key.kind === kind && signature.length === CURVE_SIGNATURE_BYTES

const row = (
  id: number,
  name: string,
  keyKind: CurveKey['kind'],
  check: (key: CurveKey, message: Uint8Array, signature: Uint8Array) => boolean,
  canonical: (signature: Uint8Array) => Uint8Array,
  checkAside = async (...asked: Parameters<typeof check>): Promise<boolean> => check(...asked),
): readonly [number, Algorithm] => [
  id,
  {
    id,
    name,
    keyKind,
    signatureBytes: CURVE_SIGNATURE_BYTES,
    verify: (key, message, signature) => isOfRow(keyKind, key, signature) && check(key, message, signature),
    verifyAside: async (key, message, signature) =>
      isOfRow(keyKind, key, signature) && checkAside(key, message, signature),
    canonical: (signature) => (signature.length === CURVE_SIGNATURE_BYTES ? canonical(signature) : signature),
  },
]

/** Verifiers of Ed25519 refuse every S but the lowest (RFC 8032 §5.1.7), so there is one form anyway. */
const asItIs = (signature: Uint8Array): Uint8Array => signature

/** For hot paths: OpenSSL by way of node:crypto, about 5,000 verifications a second and core. */
export const nativeAlgorithms: AlgorithmTable = new Map([
  row(ED25519, 'Ed25519', 'ed25519', verifyWithNode, asItIs, verifyWithNodeAside),
  row(ESP256, 'ESP256', 'p256', verifyWithNode, lowerP256Signature, verifyWithNodeAside),
])

/** For one device: Ed25519 by two implementations of the same rules, of which noble in its strict mode is the second. */
export const strictAlgorithms: AlgorithmTable = new Map([
  row(ED25519, 'Ed25519', 'ed25519', verifyStrict, asItIs),
  row(ESP256, 'ESP256', 'p256', verifyWithNode, lowerP256Signature),
])

/** What a token or a key file made, in the form that verifiers take. */
export const canonicalSignature = (alg: number, signature: Uint8Array): Uint8Array =>
  nativeAlgorithms.get(alg)?.canonical(signature) ?? signature
