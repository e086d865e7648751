import { createPublicKey, type KeyObject } from 'node:crypto'
import { findBase64Url, findHex } from '../domain/bytes.js'
import { decodeCbor } from '../domain/cbor/decode.js'
import { coseKeyFromCbor, type CoseKey } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import { findLocalFile, readLocalFile, readLocalText } from './local-file.js'

/**
 * Reads a public key from a file, or from the argument itself when it is hex and no such file is there.
 * PEM (SPKI), a COSE_Key as bytes or hex, or raw hex: 32 bytes are Ed25519, 64 or 65 (04 ‖ x ‖ y) are P-256.
 * @throws Refusal `FILE_UNREADABLE`, `KEY_MALFORMED`.
 */
export function readPublicKey(argument: string): CoseKey {
  const given = findHex(argument)
  if (given !== null && given.length >= 32 && findLocalFile(argument) === null) return publicKeyOfBytes(given)
  const content = readLocalFile(argument, 65_536)
  const text = Buffer.from(content).toString('latin1')
  if (text.includes('-----BEGIN')) return publicKeyOf(importPem(text))
  const hex = findHex(text.replaceAll(/\s+/g, ''))
  return publicKeyOfBytes(hex !== null && hex.length > 0 ? hex : content)
}

/**
 * A public key that other tools made, such as a build system's. @returns null for what is no PEM.
 * @throws Refusal `FILE_UNREADABLE` for a private one, which is nobody's to show; `KEY_MALFORMED`.
 */
export function findPemKey(path: string): CoseKey | null {
  const text = readLocalText(path)
  requireNoPrivateKey(path, text)
  return text.includes('-----BEGIN') ? publicKeyOf(importPem(text)) : null
}

/** @throws Refusal `FILE_UNREADABLE`. */
export function requireNoPrivateKey(path: string, text: string): void {
  if (text.includes('PRIVATE KEY-----')) throw new Refusal('FILE_UNREADABLE', { path, why: 'it holds a private key' })
}

/** Raw, or a COSE_Key. @throws Refusal `KEY_MALFORMED`. */
export function publicKeyOfBytes(bytes: Uint8Array): CoseKey {
  if (bytes.length === 32) return { kind: 'ed25519', x: bytes }
  const point = bytes.length === 65 && bytes[0] === 4 ? bytes.subarray(1) : bytes
  if (point.length === 64) return { kind: 'p256', x: point.subarray(0, 32), y: point.subarray(32) }
  return coseKeyFromCbor(decodeCbor(bytes))
}

/** @throws Refusal `KEY_MALFORMED`. */
export function publicKeyOf(imported: KeyObject): CoseKey {
  const { kty, crv, x, y } = imported.export({ format: 'jwk' })
  const coordinate = (text: string | undefined): Uint8Array => findBase64Url(text ?? '') ?? new Uint8Array(0)
  if (kty === 'OKP' && crv === 'Ed25519') return { kind: 'ed25519', x: coordinate(x) }
  if (kty === 'EC' && crv === 'P-256') return { kind: 'p256', x: coordinate(x), y: coordinate(y) }
  throw new Refusal('KEY_MALFORMED', { why: 'neither Ed25519 nor P-256' })
}

function importPem(pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch (error) {
    throw new Refusal('KEY_MALFORMED', { why: 'unreadable PEM' }, { cause: error })
  }
}
