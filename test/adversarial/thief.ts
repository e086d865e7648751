import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import type { CborKey, CborMap, CborValue } from '../../src/domain/cbor/value.js'
import { canonicalSignature } from '../../src/domain/cose/algorithms.js'
import { encodeProtected } from '../../src/domain/cose/headers.js'
import { buildSign1, encodeSign1, sign1Message, type MessageSigner } from '../../src/domain/cose/sign1.js'
import { encodeSuitDigest } from '../../src/domain/suit/digest.js'
import { encodeEnvelope, manifestSha256 } from '../../src/domain/suit/envelope.js'
import { labelOf, type DocumentKind } from '../../src/domain/trust/labels.js'
import type { Root, RootKey } from '../../src/domain/trust/root.js'
import type { KeyRole } from '../../src/domain/trust/roles.js'
import type { PublicKey } from '../support/soft-key.js'
import { rootKeyOf } from '../support/trust-fixture.js'

/** What a root has to change to list these keys, and no others, in a role. Keys of before stay listed. */
export function rootListing(
  root: Root,
  now: number,
  role: KeyRole,
  keys: readonly PublicKey[],
  more: { readonly threshold?: number; readonly life?: Partial<Pick<RootKey, 'notBefore' | 'notAfter'>> } = {},
): Pick<Root, 'keys' | 'roles'> {
  const rows = keys.map((key) => [key.keyIdHex, rootKeyOf(key, now, more.life)] as const)
  return {
    keys: new Map([...rows, ...root.keys]),
    roles: new Map(root.roles).set(role, {
      threshold: more.threshold ?? 1,
      keyIds: keys.map((key) => key.keyIdHex),
    }),
  }
}

/** Signs bytes that our own encoder would never write. */
export const signPayload = (key: MessageSigner, kind: DocumentKind, payload: Uint8Array): Promise<Uint8Array> =>
  buildSign1(key, payload, labelOf(kind))

/** An authentication block over a manifest, with whatever the attacker claims in its header. */
export async function blockBy(
  key: MessageSigner,
  manifest: Uint8Array,
  protectedBytes: Uint8Array = encodeProtected(key.alg, key.keyId),
): Promise<Uint8Array> {
  const digest = encodeSuitDigest(manifestSha256(manifest))
  const made = await key.sign(sign1Message(protectedBytes, new Uint8Array(0), digest))
  // In the one form that counts: an attacker would see to that.
  return encodeSign1(protectedBytes, null, canonicalSignature(key.alg, made))
}

/** An envelope without its text, as devices may get it. */
export const envelopeOf = (manifest: Uint8Array, blocks: readonly Uint8Array[]): Uint8Array =>
  encodeEnvelope(manifest, blocks, null)

/** A manifest with one member made anew, as a fooled signer might sign it. */
export function respun(
  manifest: Uint8Array,
  member: number,
  change: (value: CborValue | undefined) => CborValue,
): Uint8Array {
  const members = requireMap(decodeCbor(manifest))
  const changed: [CborKey, CborValue][] = [...members, [member, change(members.get(member))]]
  // The encoder wants no order; of two members of one number the later one stays.
  return encodeCbor(new Map(changed))
}

/** The sequence of a manifest in the template; 5 for bytes that are none. */
export function sequenceOf(manifest: Uint8Array): number {
  try {
    const sequence = requireMap(decodeCbor(manifest)).get(2)
    return typeof sequence === 'number' ? sequence : 5
  } catch {
    return 5
  }
}

export function requireMap(value: CborValue | undefined): CborMap {
  if (!(value instanceof Map)) throw new TypeError('not a map')
  return value as CborMap
}

export function requireArray(value: CborValue | undefined): readonly CborValue[] {
  if (!Array.isArray(value)) throw new TypeError('not an array')
  return value as readonly CborValue[]
}

export function requireBytes(value: CborValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError('not bytes')
  return value
}
