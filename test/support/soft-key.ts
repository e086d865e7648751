import { sign } from 'node:crypto'
import { makePrivateKey } from '../../device-sim/new-key.js'
import { ED25519, ESP256 } from '../../src/domain/cose/algorithms.js'
import { keyIdHexOf, keyIdOf, type CoseKey } from '../../src/domain/cose/cose-key.js'
import type { MessageSigner } from '../../src/domain/cose/sign1.js'

/** A public key as a root lists it. */
export interface PublicKey {
  readonly key: CoseKey
  readonly alg: number
  readonly keyIdHex: string
}

/** An Ed25519 key in memory: people, offline roles and devices of a test. */
export interface SoftKey extends MessageSigner, PublicKey {}

export function makeSoftKey(): SoftKey {
  const privateKey = makePrivateKey('ed25519')
  const jwk = privateKey.export({ format: 'jwk' })
  const key: CoseKey = { kind: 'ed25519', x: new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url')) }
  return {
    alg: ED25519,
    key,
    keyId: keyIdOf(key),
    keyIdHex: keyIdHexOf(key),
    sign: (message) => Promise.resolve(new Uint8Array(sign(null, message, privateKey))),
  }
}

/** The same on P-256, for the second algorithm profile. */
export function makeP256Key(): SoftKey {
  const privateKey = makePrivateKey('p256')
  const jwk = privateKey.export({ format: 'jwk' })
  const coordinate = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
  const key: CoseKey = { kind: 'p256', x: coordinate(jwk.x), y: coordinate(jwk.y) }
  const signed = (message: Uint8Array): Uint8Array =>
    new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  return {
    alg: ESP256,
    key,
    keyId: keyIdOf(key),
    keyIdHex: keyIdHexOf(key),
    sign: (message) => Promise.resolve(signed(message)),
  }
}

export const makeSoftKeys = (count: number): SoftKey[] => Array.from({ length: count }, makeSoftKey)
