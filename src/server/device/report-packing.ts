import { concat, fromHex, utf8 } from '../../domain/bytes.js'

/** Where a packed report begins; a signed document never does (RFC 9052 §4.2: a tag or an array). */
const PACKED = 0
const NOWHERE = 0xff_ff
const PLACE_BYTES = 2

/** What a row holds of the last report of its device. */
export interface ReportRow {
  readonly namespace: string
  readonly id: string
  readonly manifestSha256: Uint8Array
  readonly imageSha256: Uint8Array
}

/** The id is also that of the device's first key, which most devices sign with all their life. */
export const partsOf = ({ namespace, id, manifestSha256, imageSha256 }: ReportRow): readonly Uint8Array[] => [
  utf8(namespace),
  utf8(id),
  fromHex(id),
  manifestSha256,
  imageSha256,
]

/**
 * A signed report without what stands in other columns of its row: those bytes are cut out, and where they were is noted. Half of a
 * report is such bytes. What comes back is the document as it was signed, byte for byte (I-3).
 * @param document at most 64 KiB. @param parts what the row holds besides; the same, in the same order, for unpacking.
 */
export function packReport(document: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const head = new DataView(new ArrayBuffer(1 + parts.length * PLACE_BYTES))
  head.setUint8(0, PACKED)
  let rest = document
  for (const [index, part] of parts.entries()) {
    const at = Buffer.from(rest.buffer, rest.byteOffset, rest.length).indexOf(part)
    head.setUint16(1 + index * PLACE_BYTES, at < 0 ? NOWHERE : at)
    if (at >= 0) rest = concat(rest.subarray(0, at), rest.subarray(at + part.length))
  }
  return concat(new Uint8Array(head.buffer), rest)
}

/** @param stored by `packReport`, or a whole document from before there was one. */
export function unpackReport(stored: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  if (stored[0] !== PACKED) return stored
  const head = new DataView(stored.buffer, stored.byteOffset, stored.length)
  let document = stored.subarray(1 + parts.length * PLACE_BYTES)
  for (const [index, part] of [...parts.entries()].toReversed()) {
    const at = head.getUint16(1 + index * PLACE_BYTES)
    if (at !== NOWHERE) document = concat(document.subarray(0, at), part, document.subarray(at))
  }
  return document
}
