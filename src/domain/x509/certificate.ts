import { concat, sha256 } from '../bytes.js'
import type { CoseKey } from '../cose/cose-key.js'
import { bits, boolean, explicit, implicit, integer, objectId, octets, sequence, set, text, time } from './der.js'

export type P256Key = Extract<CoseKey, { kind: 'p256' }>

/** A name of two parts: who issues, for which namespace. CN has room for 64 characters (RFC 5280, ub-common-name): a device id. */
export interface CertificateName {
  readonly organization: string
  readonly commonName: string
}

export interface CertificateFields {
  /** 16 bytes; never given twice by one issuer. */
  readonly serial: Uint8Array
  readonly issuer: CertificateName
  readonly issuerKey: P256Key
  readonly subject: CertificateName
  readonly key: P256Key
  /** Seconds since the epoch; both belong to its life. */
  readonly notBefore: number
  readonly notAfter: number
  /** An authority that issues to devices, and to nothing that issues in turn; else a client of TLS. */
  readonly isAuthority: boolean
}

const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const P256_ALGORITHM = sequence(objectId('1.2.840.10045.2.1'), objectId('1.2.840.10045.3.1.7'))

/** TBSCertificate, version 3 (RFC 5280 §4.1.2): the bytes that the issuer signs. */
export function certificateToSign(fields: CertificateFields): Uint8Array {
  return sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(fields.serial),
    ECDSA_WITH_SHA256,
    nameOf(fields.issuer),
    sequence(time(fields.notBefore), time(fields.notAfter)),
    nameOf(fields.subject),
    sequence(P256_ALGORITHM, bits(pointOf(fields.key))),
    explicit(3, sequence(...extensionsOf(fields))),
  )
}

/** Certificate (RFC 5280 §4.1.1), DER. @param signature r ‖ s, 64 bytes, over `toSign`. */
export function certificateOf(toSign: Uint8Array, signature: Uint8Array): Uint8Array {
  const ecdsa = sequence(integer(signature.subarray(0, 32)), integer(signature.subarray(32)))
  return sequence(toSign, ECDSA_WITH_SHA256, bits(ecdsa))
}

const pointOf = (key: P256Key): Uint8Array => concat(Uint8Array.of(4), key.x, key.y)

const nameOf = ({ organization, commonName }: CertificateName): Uint8Array =>
  sequence(
    set(sequence(objectId('2.5.4.10'), text(organization))),
    set(sequence(objectId('2.5.4.3'), text(commonName))),
  )

/** The first 160 bits of the key's SHA-256 (RFC 7093 §2, method 1). */
const keyIdentifier = (key: P256Key): Uint8Array => sha256(pointOf(key)).slice(0, 20)

function extensionsOf({ isAuthority, issuerKey, key }: CertificateFields): Uint8Array[] {
  const critical = (id: string, value: Uint8Array): Uint8Array => sequence(objectId(id), boolean(true), octets(value))
  const plain = (id: string, value: Uint8Array): Uint8Array => sequence(objectId(id), octets(value))
  const basic = isAuthority ? sequence(boolean(true), integer(Uint8Array.of(0))) : sequence()
  // keyUsage: bit 5 keyCertSign, or bit 0 digitalSignature (RFC 5280 §4.2.1.3).
  const usage = isAuthority ? bits(Uint8Array.of(0x04), 2) : bits(Uint8Array.of(0x80), 7)
  return [
    critical('2.5.29.19', basic),
    critical('2.5.29.15', usage),
    ...(isAuthority ? [] : [plain('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.2')))]),
    plain('2.5.29.14', octets(keyIdentifier(key))),
    plain('2.5.29.35', sequence(implicit(0, keyIdentifier(issuerKey)))),
  ]
}
