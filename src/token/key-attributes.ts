import { equalBytes } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKA, CKR } from './cryptoki.js'
import { mechanismList } from './key-template.js'
import type { SigningMechanism } from './signing-mechanism.js'
import { findCryptokiResult, toRefusal } from './token-failure.js'

/** What a private key must say of itself before anything is signed with it (trust.md §4b). */
const required: readonly (readonly [name: string, type: number, value: boolean])[] = [
  ['CKA_TOKEN', CKA.TOKEN, true],
  ['CKA_PRIVATE', CKA.PRIVATE, true],
  ['CKA_SENSITIVE', CKA.SENSITIVE, true],
  ['CKA_ALWAYS_SENSITIVE', CKA.ALWAYS_SENSITIVE, true],
  ['CKA_EXTRACTABLE', CKA.EXTRACTABLE, false],
  ['CKA_NEVER_EXTRACTABLE', CKA.NEVER_EXTRACTABLE, true],
  ['CKA_LOCAL', CKA.LOCAL, true],
  ['CKA_SIGN', CKA.SIGN, true],
  ['CKA_SIGN_RECOVER', CKA.SIGN_RECOVER, false],
  ['CKA_DECRYPT', CKA.DECRYPT, false],
  ['CKA_UNWRAP', CKA.UNWRAP, false],
  ['CKA_DERIVE', CKA.DERIVE, false],
  ['CKA_MODIFIABLE', CKA.MODIFIABLE, false],
]

/** The only call that reading attributes needs. */
export type AttributeReader = Pick<Cryptoki, 'C_GetAttributeValue'>

/** A private key object in an open session. */
export interface PrivateKeyObject {
  readonly session: Handle
  readonly handle: Handle
}

/**
 * Refuses a key that could leave the token, was brought into it, or can do more than sign.
 * An attribute that the token does not answer counts as wrong: what cannot be decided is refused.
 * @throws Refusal `TOKEN_KEY_ATTRIBUTE` naming the first attribute that is wrong.
 */
export function requireKeyAttributes(
  cryptoki: AttributeReader,
  object: PrivateKeyObject,
  mechanism: SigningMechanism,
  keyId: string,
): void {
  for (const [attribute, type, wanted] of required) {
    const value = findAttribute(cryptoki, object, type)
    if (value?.length !== 1 || (value[0] !== 0) !== wanted)
      throw new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId, attribute })
  }
  const curve = findAttribute(cryptoki, object, CKA.EC_PARAMS)
  if (curve === null || !mechanism.curveParameters.some((known) => equalBytes(known, curve)))
    throw new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId, attribute: 'CKA_EC_PARAMS' })
  const allowed = findAttribute(cryptoki, object, CKA.ALLOWED_MECHANISMS)
  // Some tokens do not have the list or leave it empty; there the type of the key and the flags above are the bound.
  if (allowed !== null && allowed.length > 0 && !equalBytes(allowed, mechanismList(mechanism.sign)))
    throw new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId, attribute: 'CKA_ALLOWED_MECHANISMS' })
}

/** True when each use of the key needs a login of its own (CKU_CONTEXT_SPECIFIC). */
export const isAlwaysAuthenticate = (cryptoki: AttributeReader, object: PrivateKeyObject): boolean =>
  findAttribute(cryptoki, object, CKA.ALWAYS_AUTHENTICATE)?.[0] === 1

/** Reads one attribute; null when the object has none of that type. One at a time, since one unknown type spoils a whole request. */
export function findAttribute(cryptoki: AttributeReader, object: PrivateKeyObject, type: number): Uint8Array | null {
  try {
    return cryptoki.C_GetAttributeValue(object.session, object.handle, [{ type }])[0]?.value ?? null
  } catch (error) {
    if (findCryptokiResult(error)?.code === CKR.ATTRIBUTE_TYPE_INVALID) return null
    throw toRefusal(`read attribute 0x${type.toString(16)}`, error)
  }
}
