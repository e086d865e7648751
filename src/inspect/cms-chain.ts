import { X509Certificate, type KeyObject } from 'node:crypto'
import { BitString } from 'asn1js'
import { BasicConstraints, ExtKeyUsage, type Certificate } from 'pkijs'

// RFC 5280, 4.2.1. The library follows names and signatures of a chain; what its certificates may be used for is judged here.
const KEY_USAGE = '2.5.29.15'
const BASIC_CONSTRAINTS = '2.5.29.19'
const NAME_CONSTRAINTS = '2.5.29.30'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const [DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN] = [0x80, 0x40, 0x04]
/** What we act on, and what names a key, a person, a policy or a place of revocation lists. */
const understood = [14, 15, 17, 18, 19, 31, 32, 35, 37].map((last) => `2.5.29.${last}`)
/** Code, mail, any. A CA gives certificates for much else, TLS for one. */
const purposes = ['1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.4', '2.5.29.37.0']
/** MD5 and SHA-1 with RSA, SHA-1 with ECDSA. */
const brokenSignatures = ['1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5', '1.2.840.10045.4.1']
const LEAST_RSA_BITS = 2_048

/**
 * As OpenSSL judges chains for SWUpdate and RAUC, and stricter where it would have to look further.
 * @param path from the signer up to the registered CA.
 * @returns why the signer may not sign bundles; null when every certificate allows it.
 */
export function objectionTo(path: readonly Certificate[]): string | null {
  for (const [index, certificate] of path.entries()) {
    const why = index === 0 ? objectionToSigner(certificate) : objectionToCa(certificate, index - 1)
    const found = why ?? objectionToAny(certificate, index === path.length - 1)
    if (found !== null) return found
  }
  return null
}

function objectionToSigner(certificate: Certificate): string | null {
  const isFor = maySign(certificate, DIGITAL_SIGNATURE | NON_REPUDIATION) && hasPurpose(certificate)
  return isFor ? null : 'the certificate of its signer is for another purpose'
}

/** @param below how many CAs stand between it and the signer. */
function objectionToCa(certificate: Certificate, below: number): string | null {
  const constraints = parsed(certificate, BASIC_CONSTRAINTS)
  if (!(constraints instanceof BasicConstraints) || !constraints.cA || !maySign(certificate, KEY_CERT_SIGN))
    return 'a certificate of its chain is of no CA'
  const limit = constraints.pathLenConstraint
  if (limit !== undefined && (typeof limit !== 'number' || below > limit))
    return 'its chain is longer than one of its CAs allows'
  return hasPurpose(certificate) ? null : 'a CA of its chain is for another purpose'
}

function objectionToAny(certificate: Certificate, isAnchor: boolean): string | null {
  const extensions = certificate.extensions ?? []
  if (extensions.some(({ extnID }) => extnID === NAME_CONSTRAINTS))
    return 'a CA of its chain constrains names, which is not judged here'
  if (extensions.some(({ critical, extnID }) => critical && !understood.includes(extnID)))
    return 'a certificate of its chain has a critical extension that is not known here'
  if (new Set(extensions.map(({ extnID }) => extnID)).size < extensions.length)
    return 'a certificate of its chain has an extension twice'
  // Nobody checks the signature of what is trusted by itself.
  if (!isAnchor && brokenSignatures.includes(certificate.signatureAlgorithm.algorithmId))
    return 'a certificate of its chain is signed over MD5 or SHA-1'
  return isStrongKey(certificate) ? null : `a key of its chain is RSA of fewer than ${LEAST_RSA_BITS} bits`
}

function isStrongKey(certificate: Certificate): boolean {
  const key = findPublicKey(certificate)
  return key !== null && (key.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS) >= LEAST_RSA_BITS
}

/** @returns null for what this OpenSSL cannot read. */
export function findPublicKey(certificate: Certificate): KeyObject | null {
  try {
    return new X509Certificate(Buffer.from(certificate.toSchema(true).toBER())).publicKey
  } catch {
    return null
  }
}

const parsed = ({ extensions = [] }: Certificate, id: string): unknown =>
  extensions.find(({ extnID }) => extnID === id)?.parsedValue

/** Usages that are named have to be these. */
function maySign(certificate: Certificate, bits: number): boolean {
  const usage = parsed(certificate, KEY_USAGE)
  return !(usage instanceof BitString) || ((usage.valueBlock.valueHexView[0] ?? 0) & bits) !== 0
}

function hasPurpose(certificate: Certificate): boolean {
  const extended = parsed(certificate, EXTENDED_KEY_USAGE)
  return !(extended instanceof ExtKeyUsage) || extended.keyPurposes.some((id) => purposes.includes(id))
}
