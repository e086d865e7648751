import type { CoseKey } from '../domain/cose/cose-key.js'

/** A key pair in a token, as the outside may know it. */
export interface TokenKey {
  /** 64 hex digits: the thumbprint of `key` (trust.md §2), computed from the public point, not read from a label. */
  readonly keyId: string
  /** The private key's CKA_LABEL, `<role> <tag>` for keys that `generateKey` made. */
  readonly label: string
  /** The first word of the label. */
  readonly role: string
  readonly key: CoseKey
  /** The one COSE algorithm that this key signs with. */
  readonly algorithm: number
}

/** Keys that sign and never come out. */
export abstract class Token {
  /** Keys that passed the attribute check and the probe when the token was opened. */
  abstract keys(): readonly TokenKey[]

  /**
   * Signs `message` byte for byte. Calls may overlap; each has a session of its own.
   * The result is not verified here: the caller checks it with the public key of the root document.
   * @param keyId 64 hex digits.
   * @param message at least one byte; tokens refuse none.
   * @param algorithm COSE number; must be the key's own.
   * @returns 64 bytes: an Ed25519 signature, or r ‖ s of P-256.
   * @throws Refusal `TOKEN_KEY_MISSING`, `ALGORITHM_NOT_ALLOWED`, `TOKEN_PIN`, `TOKEN_KEY_ATTRIBUTE`, `TOKEN_FAILED`
   */
  abstract sign(keyId: string, algorithm: number, message: Uint8Array): Promise<Uint8Array>

  /** Waits for signatures under way, then logs out. Safe to repeat. */
  abstract close(): Promise<void>
}
