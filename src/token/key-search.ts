import { toHex } from '../domain/bytes.js'
import { keyIdHexOf } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle, Template } from './cryptoki-module.js'
import { CKA, CKO } from './cryptoki.js'
import { findAttribute } from './key-attributes.js'
import { signingMechanisms, type SigningMechanism } from './signing-mechanism.js'
import { atTokenStep } from './token-failure.js'
import type { TokenKey } from './token.port.js'

/** A key pair as found; nothing of it is trusted before attributes and probe. Its handle is good while somebody is logged in. */
export interface FoundKey extends TokenKey {
  readonly handle: Handle
  readonly mechanism: SigningMechanism
}

/** A private key that cannot be used, with the attribute that says why. */
interface UnusableKey {
  readonly label: string
  readonly attribute: string
}

/**
 * The keys that `selectors` name, by key id, label or role; all keys of the token when there is no selector.
 * @throws Refusal `TOKEN_KEY_MISSING` for a selector that fits no key, `TOKEN_KEY_ATTRIBUTE` for a selected key without a
 *   usable public half, `TOKEN_FAILED` when two pairs have the same public key.
 */
export function requireKeys(cryptoki: Cryptoki, session: Handle, selectors: readonly string[]): FoundKey[] {
  const keys = findAllKeys(cryptoki, session)
  const fits = (label: string, keyId: string | null, selector: string): boolean =>
    label === selector || roleOf(label) === selector || keyId === selector
  for (const selector of selectors)
    if (!keys.some((key) => fits(key.label, 'keyId' in key ? key.keyId : null, selector)))
      throw new Refusal('TOKEN_KEY_MISSING', { keyId: selector })
  const selected = new Map<string, FoundKey>()
  for (const key of keys) {
    const keyId = 'keyId' in key ? key.keyId : null
    if (selectors.length > 0 && !selectors.some((selector) => fits(key.label, keyId, selector))) continue
    if (!('keyId' in key)) throw new Refusal('TOKEN_KEY_ATTRIBUTE', { keyId: key.label, attribute: key.attribute })
    if (selected.has(key.keyId))
      throw new Refusal('TOKEN_FAILED', { step: 'list the keys', why: `${key.keyId} is there twice` })
    selected.set(key.keyId, key)
  }
  return [...selected.values()]
}

function findAllKeys(cryptoki: Cryptoki, session: Handle): (FoundKey | UnusableKey)[] {
  const template = [{ type: CKA.CLASS, value: CKO.PRIVATE_KEY }]
  return findObjects(cryptoki, session, template).map((handle) => readKey(cryptoki, session, handle))
}

function readKey(cryptoki: Cryptoki, session: Handle, handle: Handle): FoundKey | UnusableKey {
  const read = (object: Handle, type: number): Uint8Array | null =>
    findAttribute(cryptoki, { session, handle: object }, type)
  const label = new TextDecoder().decode(read(handle, CKA.LABEL) ?? new Uint8Array())
  const keyType = numberOf(read(handle, CKA.KEY_TYPE))
  const mechanism = signingMechanisms.find((row) => row.keyType === keyType)
  if (mechanism === undefined) return { label, attribute: 'CKA_KEY_TYPE' }
  const id = read(handle, CKA.ID)
  if (id === null || id.length === 0) return { label, attribute: 'CKA_ID' }
  const halves = [
    { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
    { type: CKA.ID, value: Buffer.from(id) },
  ]
  // A second public half under the same id would make the choice of key id a matter of order.
  const [half, second] = findObjects(cryptoki, session, halves)
  const point = half === undefined || second !== undefined ? null : read(half, CKA.EC_POINT)
  const key = point === null ? null : mechanism.findKey(point)
  if (key === null) return { label, attribute: 'CKA_EC_POINT' }
  return { handle, mechanism, label, role: roleOf(label), key, keyId: keyIdHexOf(key), algorithm: mechanism.algorithm }
}

function findObjects(cryptoki: Cryptoki, session: Handle, template: Template): Handle[] {
  return atTokenStep('search objects', () => {
    cryptoki.C_FindObjectsInit(session, template)
    try {
      const all: Handle[] = []
      for (;;) {
        const some = cryptoki.C_FindObjects(session, 64)
        all.push(...some)
        if (some.length === 0) return all
      }
    } finally {
      cryptoki.C_FindObjectsFinal(session)
    }
  })
}

const roleOf = (label: string): string => label.split(' ', 1)[0] ?? ''

/** A CK_ULONG of the host. */
const numberOf = (value: Uint8Array | null): number =>
  value !== null && value.length === 8 ? Number(Buffer.from(value).readBigUInt64LE()) : -1

/** The tag that tells keys of one role apart. */
export const labelOf = (role: string, id: Uint8Array): string => `${role} ${toHex(id)}`
