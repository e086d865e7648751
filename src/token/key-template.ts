import type { Template } from './cryptoki-module.js'
import { CKA } from './cryptoki.js'
import type { SigningMechanism } from './signing-mechanism.js'

/** What both halves of a new pair carry. `id` pairs them; nothing else reads it. */
export interface PairNames {
  readonly id: Uint8Array
  readonly label: string
}

/**
 * Every attribute is set, since the defaults of tokens allow decryption, unwrapping and derivation. MODIFIABLE and COPYABLE false make
 * that final: with MODIFIABLE true the holder of the PIN could switch DERIVE on later.
 */
export function privateTemplate(mechanism: SigningMechanism, names: PairNames, alwaysAuthenticate: boolean): Template {
  return [
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    { type: CKA.MODIFIABLE, value: false },
    { type: CKA.COPYABLE, value: false },
    { type: CKA.SIGN, value: true },
    { type: CKA.SIGN_RECOVER, value: false },
    { type: CKA.DECRYPT, value: false },
    { type: CKA.UNWRAP, value: false },
    { type: CKA.DERIVE, value: false },
    { type: CKA.ALWAYS_AUTHENTICATE, value: alwaysAuthenticate },
    { type: CKA.ALLOWED_MECHANISMS, value: mechanismList(mechanism.sign) },
    { type: CKA.ID, value: Buffer.from(names.id) },
    { type: CKA.LABEL, value: names.label },
  ]
}

/**
 * The public half holds no secret, and whoever has it can verify. ENCRYPT and VERIFY are left to the token: it is said that EC keys
 * verify and do not encrypt, but the TPM's module has it the other way round and makes no pair that says better.
 */
export function publicTemplate(names: PairNames, curveParameter: Uint8Array): Template {
  return [
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: false },
    { type: CKA.VERIFY_RECOVER, value: false },
    { type: CKA.WRAP, value: false },
    { type: CKA.DERIVE, value: false },
    { type: CKA.EC_PARAMS, value: Buffer.from(curveParameter) },
    { type: CKA.ID, value: Buffer.from(names.id) },
    { type: CKA.LABEL, value: names.label },
  ]
}

/** CKA_ALLOWED_MECHANISMS is an array of CK_ULONG: eight bytes each in the byte order of a 64-bit little-endian host. */
export function mechanismList(mechanism: number): Buffer {
  const list = Buffer.alloc(8)
  list.writeBigUInt64LE(BigInt(mechanism))
  return list
}
