import type { TokenKey } from './token.port.js'

/**
 * Somebody beside the PKCS#11 module who vouches that a private key is in hardware and cannot leave it. The attributes of a key
 * are what its module says, and some modules keep them in a file of the host; an attestation is signed inside the hardware by
 * a key of its maker, and chains to a certificate that people pinned.
 *
 * An implementation reads the vendor's statement about `key` and refuses unless the statement
 * - is signed by a chain that ends in a pinned certificate, not in one that came along;
 * - is about this public key, byte for byte;
 * - says that the key was generated inside and is not exportable, not merely that it is there now;
 * - comes from the token with this serial number.
 * It asks the hardware or reads a file; it never signs with the key, and it remembers nothing between calls.
 *
 * Vendors differ in everything (YubiHSM: an X.509 certificate; TPM: TPM2_Certify by an endorsed key; Luna: a PKC chain), so
 * there is no implementation here. Without one, what is known about a key is what its module claims.
 */
export abstract class KeyAttestation {
  /** @throws Refusal `TOKEN_NOT_ATTESTED` saying which of the four is missing. */
  abstract requireAttested(key: TokenKey, tokenSerial: string): Promise<void>
}
