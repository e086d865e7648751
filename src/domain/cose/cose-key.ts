import { sha256, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborMap, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { isSafeEd25519Point } from './ed25519-point.js'

/** A public key as our documents hold it (RFC 9052 §7, RFC 9053 §7). Coordinates are 32 bytes. */
export type CoseKey =
  | { readonly kind: 'ed25519'; readonly x: Uint8Array }
  | { readonly kind: 'p256'; readonly x: Uint8Array; readonly y: Uint8Array }

/** The COSE_Key with only its required members: {1: 1, -1: 6, -2: x} or {1: 2, -1: 1, -2: x, -3: y}. */
export function coseKeyToCbor(key: CoseKey): CborMap {
  return key.kind === 'ed25519'
    ? cborMap([
        [1, 1],
        [-1, 6],
        [-2, key.x],
      ])
    : cborMap([
        [1, 2],
        [-1, 1],
        [-2, key.x],
        [-3, key.y],
      ])
}

/**
 * Reads a COSE_Key of exactly the required members.
 * @throws Refusal `KEY_MALFORMED`: other members, other curves, wrong lengths, an Ed25519 point that is small-order or not canonical.
 */
export function coseKeyFromCbor(value: CborValue | undefined): CoseKey {
  if (!(value instanceof Map)) throw new Refusal('KEY_MALFORMED', { why: 'not a map' })
  const map: CborMap = value
  const x = coordinate(map, -2)
  if (map.size === 3 && map.get(1) === 1 && map.get(-1) === 6) {
    if (!isSafeEd25519Point(x)) throw new Refusal('KEY_MALFORMED', { why: 'not a canonical point of full order' })
    return { kind: 'ed25519', x }
  }
  if (map.size === 4 && map.get(1) === 2 && map.get(-1) === 1) return { kind: 'p256', x, y: coordinate(map, -3) }
  throw new Refusal('KEY_MALFORMED', { why: 'kind of key not admitted' })
}

function coordinate(map: CborMap, label: number): Uint8Array {
  const bytes = map.get(label)
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32)
    throw new Refusal('KEY_MALFORMED', { why: `member ${label} is not 32 bytes` })
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
