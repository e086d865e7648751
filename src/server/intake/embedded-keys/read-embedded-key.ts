import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { equalBytes, sha256Hex } from '../../../domain/bytes.js'
import { Refusal } from '../../../domain/refusal.js'
import type { EmbeddedKey, EmbeddedKeyKind } from './embedded-keys.port.js'

export const MAX_EMBEDDED_KEY_BYTES = 8_192
const LEAST_RSA_BITS = 2_048

/**
 * Reads a public key (SubjectPublicKeyInfo) or a CA's certificate, both as DER.
 * @throws Refusal `REQUEST_INVALID` with what is wrong: another kind, bytes after it, a form that is not canonical.
 */
export function readEmbeddedKey(der: Uint8Array): Pick<EmbeddedKey, 'id' | 'kind'> {
  const certificate = tryTo(() => new X509Certificate(der))
  if (certificate === null) return { id: sha256Hex(der), kind: kindOfKey(requireKey(der)) }
  requireWhole(certificate.raw, der)
  if (!certificate.ca) throw invalid('not the certificate of a CA; of a single signer register the public key')
  kindOfKey(certificate.publicKey)
  return { id: sha256Hex(der), kind: 'x509-ca' }
}

function requireKey(der: Uint8Array): KeyObject {
  const key = tryTo(() => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }))
  if (key === null) throw invalid('neither a public key (SubjectPublicKeyInfo) nor a certificate, as DER')
  requireWhole(key.export({ format: 'der', type: 'spki' }), der)
  return key
}

function kindOfKey(key: KeyObject): EmbeddedKeyKind {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return 'ed25519'
    case 'rsa':
      if (modulusLength < LEAST_RSA_BITS) throw invalid(`an RSA key of fewer than ${LEAST_RSA_BITS} bits`)
      return 'rsa'
    case 'ec':
      if (namedCurve === 'prime256v1') return 'ecdsa-p256'
      if (namedCurve === 'secp384r1') return 'ecdsa-p384'
      throw invalid('a curve other than P-256 and P-384')
    default:
      throw invalid('a kind of key other than Ed25519, ECDSA and RSA')
  }
}

/** A second spelling of one key, or bytes behind it, would be one key under two ids. */
function requireWhole(canonical: Uint8Array, der: Uint8Array): void {
  if (!equalBytes(canonical, der)) throw invalid('not the one canonical form, or with bytes behind it')
}

const invalid = (why: string): Refusal => new Refusal('REQUEST_INVALID', { field: 'der', why })

/** OpenSSL throws for whatever it cannot read; there is nothing else it could mean here. */
function tryTo<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
