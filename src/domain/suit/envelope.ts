import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, CborTag, type CborValue } from '../cbor/value.js'
import { buildSign1, type MessageSigner } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'
import { encodeSuitDigest, parseSuitDigest, wrappedSha256 } from './digest.js'

export const SUIT_ENVELOPE_TAG = 107
export const MAX_ENVELOPE_BYTES = 65_536
/** More than any root asks for; whoever verifies counts before it looks at one. */
export const MAX_BLOCKS = 8

/** A SUIT envelope taken apart; nothing in it is verified yet. Byte strings as received. */
export interface Envelope {
  /** The digest that the authentication wrapper names, 32 bytes. */
  readonly claimedSha256: Uint8Array
  readonly blocks: readonly Uint8Array[]
  readonly manifest: Uint8Array
  /** Present when it is signed; a device may get the envelope without it. */
  readonly text: Uint8Array | null
}

/** SUIT_Digest of a manifest: over the bstr-wrapped manifest, 32 bytes. */
export const manifestSha256 = wrappedSha256

/** One authentication block: COSE_Sign1 over the encoded SUIT_Digest, payload detached, empty external_aad. */
export const buildBlock = (signer: MessageSigner, sha256: Uint8Array): Promise<Uint8Array> =>
  buildSign1(signer, encodeSuitDigest(sha256), new Uint8Array(0), 'detached')

/**
 * @param blocks in ascending order of their keyids; others are refused where they are counted.
 *
 * CDDL: 107({ 2: bstr .cbor [bstr .cbor SUIT_Digest, * bstr .cbor COSE_Sign1], 3: bstr .cbor manifest, ? 23: bstr .cbor text })
 */
export function encodeEnvelope(
  manifest: Uint8Array,
  blocks: readonly Uint8Array[],
  text: Uint8Array | null,
): Uint8Array {
  const wrapper: CborValue = [encodeSuitDigest(manifestSha256(manifest)), ...blocks]
  const members = cborMap([
    [2, encodeCbor(wrapper)],
    [3, manifest],
    [23, text ?? undefined],
  ])
  return encodeCbor(new CborTag(SUIT_ENVELOPE_TAG, members))
}

/**
 * Takes an envelope apart: members 2, 3 and at most 23.
 * @throws Refusal `CBOR_*`, `ENVELOPE_MEMBER` for another member or a missing one, `ENVELOPE_BLOCK`.
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const value = decodeCbor(bytes, { maxBytes: MAX_ENVELOPE_BYTES, maxDepth: 4, tags: [SUIT_ENVELOPE_TAG] })
  if (!(value instanceof CborTag) || !(value.value instanceof Map))
    throw new Refusal('ENVELOPE_MEMBER', { member: 'tag 107' })
  const members: ReadonlyMap<unknown, CborValue> = value.value
  for (const key of members.keys())
    if (key !== 2 && key !== 3 && key !== 23) throw new Refusal('ENVELOPE_MEMBER', { member: String(key) })
  const wrapper = decodeCbor(member(members, 2), { maxBytes: MAX_ENVELOPE_BYTES, maxDepth: 2 })
  const [digest, ...blocks] = Array.isArray(wrapper) ? (wrapper as readonly CborValue[]) : []
  if (!(digest instanceof Uint8Array))
    throw new Refusal('ENVELOPE_BLOCK', { why: 'no digest in the authentication wrapper' })
  return {
    claimedSha256: parseSuitDigest(digest, 'authentication wrapper'),
    blocks: blocks.map(requireBlock),
    manifest: member(members, 3),
    text: members.has(23) ? member(members, 23) : null,
  }
}

function member(members: ReadonlyMap<unknown, CborValue>, key: number): Uint8Array {
  const value = members.get(key)
  if (!(value instanceof Uint8Array)) throw new Refusal('ENVELOPE_MEMBER', { member: String(key) })
  return value
}

function requireBlock(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Refusal('ENVELOPE_BLOCK', { why: 'a block is not a byte string' })
  return value
}
