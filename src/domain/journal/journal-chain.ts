import { concat, sha256 } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborMap } from '../cbor/value.js'
import { encodeRecord, recordSha256 } from './journal-record.js'

/** Where the chain ends: index of the next record and hash of the last one. */
export interface JournalHead {
  readonly index: number
  readonly sha256: Uint8Array
}

/** How a journal file ends: what is whole, and what a crash left behind it. */
export interface JournalEnd {
  readonly wholeBytes: number
  readonly tornBytes: number
  readonly head: JournalHead
}

export const emptyJournal: JournalHead = { index: 0, sha256: new Uint8Array(32) }

/** What a writer has to say; its place in the chain is added here. */
export interface JournalLine {
  readonly time: number
  readonly kind: string
  readonly body: CborMap
}

/** u32 length of the payload, its complement, then the first 8 bytes of the payload's SHA-256. */
export const FRAME_HEADER_BYTES = 16
const CHECKSUM_BYTES = 8
export const MAX_FRAME_PAYLOAD_BYTES = 16_777_216
/** No record has fewer than 32 bytes, so a frame that fits never holds more. */
export const MAX_FRAME_RECORDS = MAX_FRAME_PAYLOAD_BYTES / 32

export const frameChecksum = (payload: Uint8Array): Uint8Array => sha256(payload).subarray(0, CHECKSUM_BYTES)

/**
 * The bytes to append for some lines, and the head afterwards. All lines of one flush are one frame,
 * so a crash can tear the last frame only and never leaves a hole before a good one.
 * CDDL of the payload: [+ bstr .cbor record]
 */
export function appendLines(
  head: JournalHead,
  namespace: string,
  lines: readonly JournalLine[],
): { frame: Uint8Array; head: JournalHead } {
  let { index, sha256: previousSha256 } = head
  const records = lines.map((line) => {
    const bytes = encodeRecord({ namespace, index, previousSha256, ...line })
    index += 1
    previousSha256 = recordSha256(bytes)
    return bytes
  })
  const payload = encodeCbor(records)
  const header = new Uint8Array(FRAME_HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setUint32(0, payload.length)
  // Said twice: with one flipped bit of a length, all that follows would pass for a torn tail.
  view.setUint32(4, ~payload.length >>> 0)
  header.set(frameChecksum(payload), 8)
  return { frame: concat(header, payload), head: { index, sha256: previousSha256 } }
}
