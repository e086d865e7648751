import { generateKeyPairSync, sign } from 'node:crypto'
import { ED25519 } from '../../src/domain/cose/algorithms.js'
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
  const pair = generateKeyPairSync('ed25519')
  const jwk = pair.publicKey.export({ format: 'jwk' })
  const key: CoseKey = { kind: 'ed25519', x: new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url')) }
  return {
    alg: ED25519,
    key,
    keyId: keyIdOf(key),
    keyIdHex: keyIdHexOf(key),
    sign: (message) => Promise.resolve(new Uint8Array(sign(null, message, pair.privateKey))),
  }
}

export const makeSoftKeys = (count: number): SoftKey[] => Array.from({ length: count }, makeSoftKey)
