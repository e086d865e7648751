import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { sha256, utf8 } from '../../src/domain/bytes.js'
import { ED25519 } from '../../src/domain/cose/algorithms.js'
import { keyIdHexOf, keyIdOf, type CoseKey } from '../../src/domain/cose/cose-key.js'
import type { SoftKey } from '../support/soft-key.js'

// PKCS#8 around an Ed25519 seed (RFC 8410 §7).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * The key of an example: its Ed25519 seed is SHA-256 of "countersign example <name>", so that anybody can make the
 * examples again. Ed25519 signatures have no randomness.
 */
export function exampleKey(name: string): SoftKey {
  const seed = sha256(utf8(`countersign example ${name}`))
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
  const key: CoseKey = { kind: 'ed25519', x: new Uint8Array(Buffer.from(jwk.x ?? '', 'base64url')) }
  return {
    alg: ED25519,
    key,
    keyId: keyIdOf(key),
    keyIdHex: keyIdHexOf(key),
    sign: (message) => Promise.resolve(new Uint8Array(sign(null, message, privateKey))),
  }
}
