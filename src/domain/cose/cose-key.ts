import { sha256, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborMap, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { isSafeEd25519Point } from './ed25519-point.js'
import { isP256Point } from './p256-point.js'

/**
 * A public key as our documents hold it (RFC 9052 §7, RFC 9053 §7). Coordinates are 32 bytes.
 * `akp` is the key type that names its algorithm itself and is otherwise a string of bytes, here `x`: whatever comes after the
 * two curves. It is read, so that a root which lists such a key can be walked by a verifier that cannot use it; whether
 * its signatures count is up to the table of algorithms and the root's allow-list.
 */
export type CoseKey =
  | { readonly kind: 'ed25519'; readonly x: Uint8Array }
  | { readonly kind: 'p256'; readonly x: Uint8Array; readonly y: Uint8Array }
  | { readonly kind: 'akp'; readonly alg: number; readonly x: Uint8Array }

// Labels and values of the COSE registries; -1 is the curve of an elliptic key and the key bytes of an AKP.
const KTY = 1
const ALG = 3
const CRV = -1
const PUB = -1
const X = -2
const Y = -3
const OKP = 1
const EC2 = 2
const AKP = 7
const P256 = 1
const ED25519_CURVE = 6
/** Room for the largest parameter set of ML-DSA, which has 2,592 bytes. */
const MAX_AKP_BYTES = 4_096

/** The COSE_Key with only its required members: {1: 1, -1: 6, -2: x}, {1: 2, -1: 1, -2: x, -3: y} or {1: 7, 3: alg, -1: pub}. */
export const coseKeyToCbor = (key: CoseKey): CborMap => cborMap(membersOf(key))

function membersOf(key: CoseKey): [number, CborValue][] {
  switch (key.kind) {
    case 'ed25519':
      return [
        [KTY, OKP],
        [CRV, ED25519_CURVE],
        [X, key.x],
      ]
    case 'p256':
      return [
        [KTY, EC2],
        [CRV, P256],
        [X, key.x],
        [Y, key.y],
      ]
    case 'akp':
      return [
        [KTY, AKP],
        [ALG, key.alg],
        [PUB, key.x],
      ]
  }
}

/**
 * Reads a COSE_Key of exactly the required members.
 * @throws Refusal `KEY_MALFORMED`: other members, other curves, wrong lengths, an Ed25519 point that is small-order or not
 *   canonical, a P-256 point that is not on its curve.
 */
export function coseKeyFromCbor(value: CborValue | undefined): CoseKey {
  if (!(value instanceof Map)) throw malformed('not a map')
  const map: CborMap = value
  if (map.get(KTY) === AKP) return readAkp(map)
  const x = coordinate(map, X)
  if (map.size === 3 && map.get(KTY) === OKP && map.get(CRV) === ED25519_CURVE) {
    if (!isSafeEd25519Point(x)) throw malformed('not a canonical point, or one of small order')
    return { kind: 'ed25519', x }
  }
  if (map.size === 4 && map.get(KTY) === EC2 && map.get(CRV) === P256) {
    const y = coordinate(map, Y)
    if (!isP256Point(x, y)) throw malformed('not a point of P-256')
    return { kind: 'p256', x, y }
  }
  throw malformed('kind of key not admitted')
}

const malformed = (why: string): Refusal => new Refusal('KEY_MALFORMED', { why })

function readAkp(map: CborMap): CoseKey {
  const alg = map.get(ALG)
  const publicBytes = map.get(PUB)
  if (map.size !== 3 || typeof alg !== 'number') throw malformed('kind of key not admitted')
  if (!(publicBytes instanceof Uint8Array) || publicBytes.length < 1 || publicBytes.length > MAX_AKP_BYTES)
    throw malformed(`member ${PUB} is not 1 to ${MAX_AKP_BYTES} bytes`)
  return { kind: 'akp', alg, x: publicBytes }
}

function coordinate(map: CborMap, label: number): Uint8Array {
  const bytes = map.get(label)
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32) throw malformed(`member ${label} is not 32 bytes`)
  return bytes
}

/** keyid: SHA-256 of the deterministic COSE_Key (RFC 9679), 32 bytes. */
export const keyIdOf = (key: CoseKey): Uint8Array => sha256(encodeCbor(coseKeyToCbor(key)))

const known = new WeakMap<CoseKey, string>()

/** The same as 64 hex digits: the form used as a key of maps, as a device id and in messages. Worked out once a key. */
export function keyIdHexOf(key: CoseKey): string {
  const hex = known.get(key) ?? toHex(keyIdOf(key))
  known.set(key, hex)
  return hex
}
