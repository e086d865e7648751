import { createECDH, createPrivateKey, randomBytes, type KeyObject } from 'node:crypto'

type KeyKind = 'ed25519' | 'p256'
const SECRET_BYTES = 32
// RFC 8410 §7 and RFC 5915 §3: a PKCS#8 private key is such a prefix and the secret.
const pkcs8Prefixes: Readonly<Record<KeyKind, string>> = {
  ed25519: '302e020100300506032b657004220420',
  p256: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
}

/**
 * A new private key, made from its secret. A key that Node 20's `generateKeyPair` hands out shares a lock with the job that made it: a
 * garbage collection that takes the job while the key is being exported waits for itself, for ever. One of ten thousand devices did.
 */
export function makePrivateKey(kind: KeyKind): KeyObject {
  const key = Buffer.concat([Buffer.from(pkcs8Prefixes[kind], 'hex'), makeSecret(kind)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

function makeSecret(kind: KeyKind): Buffer {
  // RFC 8032 §5.1.5: any 32 bytes.
  if (kind === 'ed25519') return randomBytes(SECRET_BYTES)
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  const secret = pair.getPrivateKey()
  return Buffer.concat([Buffer.alloc(SECRET_BYTES - secret.length), secret])
}
