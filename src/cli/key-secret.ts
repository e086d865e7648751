import { createECDH, createPrivateKey, randomBytes, sign, type KeyObject } from 'node:crypto'
import { findBase64Url } from '../domain/bytes.js'
import { algorithmOf } from '../domain/cose/algorithms.js'
import { keyIdOf, type CoseKey } from '../domain/cose/cose-key.js'
import type { MessageSigner } from '../domain/cose/sign1.js'

/** Kinds of key that a person can have in a file. */
export type SecretKind = 'ed25519' | 'p256'

/** The seed of an Ed25519 key, the scalar of one on P-256. */
export const SECRET_BYTES = 32

// RFC 8410 §7 and RFC 5915 §3: a PKCS#8 private key is such a prefix and the secret.
const pkcs8Prefixes: Readonly<Record<SecretKind, string>> = {
  ed25519: '302e020100300506032b657004220420',
  p256: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
}

/** A new secret. The caller overwrites it after use. */
export function makeSecret(kind: SecretKind): Buffer {
  // RFC 8032 §5.1.5: any 32 bytes.
  if (kind === 'ed25519') return randomBytes(SECRET_BYTES)
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  const secret = pair.getPrivateKey()
  return Buffer.concat([Buffer.alloc(SECRET_BYTES - secret.length), secret])
}

const privateKeyOf = (kind: SecretKind, secret: Uint8Array): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from(pkcs8Prefixes[kind], 'hex'), secret]),
    format: 'der',
    type: 'pkcs8',
  })

export function publicKeyOf(kind: SecretKind, secret: Uint8Array): CoseKey {
  const jwk = privateKeyOf(kind, secret).export({ format: 'jwk' })
  const x = findBase64Url(jwk.x ?? '') ?? new Uint8Array(0)
  return kind === 'ed25519' ? { kind, x } : { kind, x, y: findBase64Url(jwk.y ?? '') ?? new Uint8Array(0) }
}

/** Signs with a copy of the secret that stays inside. */
export function signerOf(kind: SecretKind, secret: Uint8Array): MessageSigner {
  const key = privateKeyOf(kind, secret)
  const publicKey = publicKeyOf(kind, secret)
  const make = (message: Uint8Array): Buffer =>
    kind === 'ed25519' ? sign(null, message, key) : sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  return {
    alg: algorithmOf(publicKey),
    keyId: keyIdOf(publicKey),
    sign: async (message) => new Uint8Array(make(message)),
  }
}
