import { concat, equalBytes, fromHex, sha256 } from '../domain/bytes.js'
import { ED25519, ESP256 } from '../domain/cose/algorithms.js'
import type { CoseKey } from '../domain/cose/cose-key.js'
import { isSafeEd25519Point } from '../domain/cose/ed25519-point.js'
import { isP256Point } from '../domain/cose/p256-point.js'
import { CKK, CKM } from './cryptoki.js'

/** One row: how a token does one COSE algorithm. */
export interface SigningMechanism {
  readonly algorithm: number
  readonly name: string
  readonly curve: string
  /** PKCS#11's name of `sign`. */
  readonly mechanism: string
  readonly keyType: number
  readonly generate: number
  readonly sign: number
  /** Accepted spellings of CKA_EC_PARAMS; the first is the standard one and used unless told otherwise. */
  readonly curveParameters: readonly [Uint8Array, ...Uint8Array[]]
  readonly signatureBytes: number
  /** What goes into C_Sign: single part, since tokens refuse C_SignUpdate with EdDSA. */
  prepare(message: Uint8Array): Uint8Array
  /** @returns null for a CKA_EC_POINT in any other than the two usual forms. */
  findKey(point: Uint8Array): CoseKey | null
}

const OCTET_STRING = 0x04
const UNCOMPRESSED = 0x04

/** Tokens give the point raw (early 3.0 drafts) or inside a DER OCTET STRING (PKCS#11 3.0 §2.3.3): both, nothing else. */
function findPoint(point: Uint8Array, sizeBytes: number): Uint8Array | null {
  if (point.length === sizeBytes) return point
  const wrapped = concat(Uint8Array.of(OCTET_STRING, sizeBytes), point.subarray(2))
  return point.length === sizeBytes + 2 && equalBytes(point, wrapped) ? point.subarray(2) : null
}

const ed25519: SigningMechanism = {
  algorithm: ED25519,
  name: 'Ed25519',
  curve: 'edwards25519',
  mechanism: 'CKM_EDDSA',
  keyType: CKK.EC_EDWARDS,
  generate: CKM.EC_EDWARDS_KEY_PAIR_GEN,
  sign: CKM.EDDSA,
  // PrintableString "edwards25519", and the OID 1.3.101.112 of RFC 8410.
  curveParameters: [fromHex('130c656477617264733235353139'), fromHex('06032b6570')],
  signatureBytes: 64,
  prepare: (message) => message,
  findKey: (point) => {
    const x = findPoint(point, 32)
    return x !== null && isSafeEd25519Point(x) ? { kind: 'ed25519', x: new Uint8Array(x) } : null
  },
}

const esp256: SigningMechanism = {
  algorithm: ESP256,
  name: 'ESP256',
  curve: 'P-256',
  mechanism: 'CKM_ECDSA',
  keyType: CKK.EC,
  generate: CKM.EC_KEY_PAIR_GEN,
  sign: CKM.ECDSA,
  // OID prime256v1. Keys on other curves are told apart here, not by their size.
  curveParameters: [fromHex('06082a8648ce3d030107')],
  signatureBytes: 64,
  prepare: sha256,
  findKey: (point) => {
    const xy = findPoint(point, 65)
    if (xy === null || xy[0] !== UNCOMPRESSED) return null
    const [x, y] = [new Uint8Array(xy.subarray(1, 33)), new Uint8Array(xy.subarray(33))]
    return isP256Point(x, y) ? { kind: 'p256', x, y } : null
  },
}

export const signingMechanisms: readonly SigningMechanism[] = [ed25519, esp256]

export const findMechanism = (algorithm: number): SigningMechanism | null =>
  signingMechanisms.find((row) => row.algorithm === algorithm) ?? null
