/**
 * What kind of key signs inside an image. A key itself stands for its owner; `x509-ca` is a certificate whose holder issues
 * signers' certificates, as RAUC and SWUpdate have them.
 */
export const embeddedKeyKinds = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'rsa', 'x509-ca'] as const
export type EmbeddedKeyKind = (typeof embeddedKeyKinds)[number]

export interface EmbeddedKey {
  /** SHA-256 of `der`, hex: for a public key what MCUboot calls its key hash (of RSA MCUboot hashes the PKCS#1 form). */
  readonly id: string
  readonly kind: EmbeddedKeyKind
  /** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7); for `x509-ca` the whole certificate. Canonical DER. */
  readonly der: Uint8Array
  /** What people call it. */
  readonly label: string
}

/** Keys that a namespace registered for signatures inside its images. They open nothing of ours: they tell what an image says. */
export abstract class EmbeddedKeys {
  /** All of a namespace, 100 at most, the oldest first. */
  abstract list(namespace: string): Promise<readonly EmbeddedKey[]>
}
