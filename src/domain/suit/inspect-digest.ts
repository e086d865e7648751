import { equalBytes, toHex } from '../bytes.js'
import type { CborValue } from '../cbor/value.js'
import { SUIT_SHA256, wrappedSha256 } from './digest.js'
import { decodeInspected, notSuit, requireList, requireWrapped } from './inspect-value.js'
import { digestAlgorithms, findName } from './registry.js'

/** A digest as it stands in an envelope, and ours over the same content. */
export interface InspectedDigest {
  readonly algorithm: { readonly number: number; readonly name: string | null }
  readonly claimed: string
  /** null when the content is not here or the algorithm is not SHA-256. */
  readonly computed: string | null
  readonly matches: boolean | null
}

/** @param content what the digest covers without its byte-string header; null when it is not in the envelope. */
export function inspectDigest(value: CborValue | undefined, content: Uint8Array | null, at: string): InspectedDigest {
  const [number, hash] = requireList(value, at)
  if (typeof number !== 'number') throw notSuit(at, 'no algorithm')
  const claimed = requireWrapped(hash, at)
  const computed = content === null || number !== SUIT_SHA256 ? null : wrappedSha256(content)
  return {
    algorithm: { number, name: findName(digestAlgorithms, number) },
    claimed: toHex(claimed),
    computed: computed === null ? null : toHex(computed),
    matches: computed === null ? null : equalBytes(computed, claimed),
  }
}

/** The same for a digest inside a byte string, as parameters and the wrapper hold it. */
export const inspectWrappedDigest = (
  value: CborValue | undefined,
  content: Uint8Array | null,
  at: string,
): InspectedDigest => inspectDigest(decodeInspected(requireWrapped(value, at)), content, at)
