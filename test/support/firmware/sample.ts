import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { sha256Hex } from '../../../src/domain/bytes.js'
import type { FirmwareFormat } from '../../../src/domain/trust/firmware-formats.js'
import type { EmbeddedKey } from '../../../src/inspect/key-ring.js'

/** Firmware made here by the specification of its format, and the keys that its signatures verify with. */
export interface Sample {
  readonly name: string
  readonly format: FirmwareFormat
  readonly bytes: Uint8Array
  readonly keys: readonly EmbeddedKey[]
}

export interface SignatureKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly registered: EmbeddedKey
}

function registered(kind: string, publicKey: KeyObject): EmbeddedKey {
  const der = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return { id: sha256Hex(der), kind, der }
}

export function ed25519Key(): SignatureKey {
  const pair = generateKeyPairSync('ed25519')
  return { ...pair, registered: registered('ed25519', pair.publicKey) }
}

export function p256Key(): SignatureKey {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...pair, registered: registered('ecdsa-p256', pair.publicKey) }
}

export function rsaKey(modulusLength = 2_048): SignatureKey {
  const pair = generateKeyPairSync('rsa', { modulusLength })
  return { ...pair, registered: registered('rsa', pair.publicKey) }
}

/** Bytes that look like code: not all alike, and the same in every run. */
export function content(length: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = seed
  for (let index = 0; index < words.length; index += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    words[index] = state
  }
  return new Uint8Array(words.buffer, 0, length)
}

/** Numbers of a fixed size, one after the other. */
export function packed(
  isLittle: boolean,
  ...fields: readonly (readonly [bytes: 1 | 2 | 4 | 8, value: number])[]
): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)))
  let at = 0
  for (const [bytes, value] of fields) {
    if (bytes === 1) view.setUint8(at, value)
    else if (bytes === 2) view.setUint16(at, value, isLittle)
    else if (bytes === 4) view.setUint32(at, value, isLittle)
    else view.setBigUint64(at, BigInt(value), isLittle)
    at += bytes
  }
  return new Uint8Array(view.buffer)
}

export const little = (...fields: readonly (readonly [bytes: 1 | 2 | 4 | 8, value: number])[]): Uint8Array =>
  packed(true, ...fields)
export const big = (...fields: readonly (readonly [bytes: 1 | 2 | 4 | 8, value: number])[]): Uint8Array =>
  packed(false, ...fields)

/** `bytes` at the front of a field of `length` zeros, or other filling. */
export function padded(bytes: Uint8Array, length: number, filling = 0): Uint8Array {
  const field = new Uint8Array(length).fill(filling)
  field.set(bytes)
  return field
}

/** Filled up to the next multiple. */
export const filledTo = (bytes: Uint8Array, multiple: number, filling = 0): Uint8Array =>
  padded(bytes, Math.ceil(bytes.length / multiple) * multiple, filling)
