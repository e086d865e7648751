import { equalBytes } from '../bytes.js'
import { FRAME_HEADER_BYTES, frameChecksum, MAX_FRAME_PAYLOAD_BYTES } from './journal-chain.js'

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512

/** @returns the payload of the frame that begins at `at`; null when there is none, or not all of it. */
export function findWholeFrame(bytes: Uint8Array, at = 0): Uint8Array | null {
  const length = findLength(bytes, at)
  const begin = at + FRAME_HEADER_BYTES
  if (length === null || begin + length > bytes.length) return null
  const payload = bytes.subarray(begin, begin + length)
  return equalBytes(frameChecksum(payload), bytes.subarray(at + 8, begin)) ? payload : null
}

/** How many bytes there are up to the last that is not zero. */
export const lastUsedByte = (bytes: Uint8Array): number => bytes.findLastIndex((byte) => byte !== 0) + 1

/**
 * Whether a tail is what one write leaves that the machine did not finish: any of its sectors may be missing, and is zeros or
 * beyond the end of the file then.
 * @param tail from the end of the last whole frame to the end of the file; no whole frame begins it, and it is not all zeros.
 * @param offset where it begins in the file.
 * @returns null when it is, else why it is none: frames that somebody was told of may be lost.
 */
export function findTear(tail: Uint8Array, offset: number): string | null {
  if (tail.length < FRAME_HEADER_BYTES) return null
  const length = findLength(tail, 0)
  if (length !== null)
    return lastUsedByte(tail) > FRAME_HEADER_BYTES + length ? 'checksum of a frame that is not the last' : null
  if (!isTornHeader(tail.subarray(0, FRAME_HEADER_BYTES), offset)) return 'impossible length of a frame'
  // How long the write was is not known. It was the last one, so no frame was written behind it.
  for (let at = 1; at + FRAME_HEADER_BYTES <= tail.length; at += 1)
    if (findWholeFrame(tail, at) !== null) return 'a frame that is not the last is missing'
  return null
}

/** @returns null where no header of a frame is. */
function findLength(bytes: Uint8Array, at: number): number | null {
  if (bytes.length < at + FRAME_HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + at)
  const length = view.getUint32(0)
  return view.getUint32(4) === ~length >>> 0 && length <= MAX_FRAME_PAYLOAD_BYTES ? length : null
}

/** Missing as a whole, or up to or from the border of a sector that runs through it. */
function isTornHeader(header: Uint8Array, offset: number): boolean {
  const border = SECTOR_BYTES - (offset % SECTOR_BYTES)
  const parts = border < header.length ? [header.subarray(0, border), header.subarray(border)] : [header]
  return parts.some((part) => lastUsedByte(part) === 0)
}
