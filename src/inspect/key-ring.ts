import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'

/** A key or certificate that a namespace registered for signatures inside its firmware. */
export interface EmbeddedKey {
  readonly id: string
  /** `x509-ca` is the certificate of a CA; every other kind is a public key as SubjectPublicKeyInfo. */
  readonly kind: string
  readonly der: Uint8Array
}

export interface RingKey {
  readonly id: string
  readonly key: KeyObject
}
interface RingCertificate {
  readonly id: string
  readonly der: Uint8Array
}

const CERTIFICATE = 'x509-ca'

/** The registered keys, ready for use. One that cannot be read is left out and named. */
export class KeyRing {
  readonly keys: readonly RingKey[]
  readonly certificates: readonly RingCertificate[]
  readonly unusable: readonly string[]

  constructor(registered: readonly EmbeddedKey[]) {
    const keys: RingKey[] = []
    const certificates: RingCertificate[] = []
    const unusable: string[] = []
    for (const { id, kind, der } of registered) {
      const key = kind === CERTIFICATE ? null : findKey(der)
      if (key !== null) keys.push({ id, key })
      else if (kind === CERTIFICATE && isCertificate(der)) certificates.push({ id, der })
      else unusable.push(id)
    }
    this.keys = keys
    this.certificates = certificates
    this.unusable = unusable
  }

  /** Keys of a type, such as `rsa`, `ec`, `ed25519`. */
  ofType(...types: readonly string[]): readonly RingKey[] {
    return this.keys.filter(({ key }) => types.includes(key.asymmetricKeyType ?? ''))
  }
}

// Registered before it was checked as it is today, or of a kind that this OpenSSL does not know.
function findKey(der: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

function isCertificate(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).ca
  } catch {
    return false
  }
}
