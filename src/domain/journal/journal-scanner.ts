import { concat, equalBytes } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { Refusal } from '../refusal.js'
import {
  emptyJournal,
  FRAME_HEADER_BYTES,
  frameChecksum,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_FRAME_RECORDS,
  type JournalEnd,
  type JournalHead,
} from './journal-chain.js'
import { decodeRecord, recordSha256, type JournalRecord } from './journal-record.js'

/**
 * Reads a journal piece by piece and follows its chain. Only its very last frame may be torn (a write that the machine
 * did not finish and that nobody was told of); anything else that does not fit is a broken journal.
 */
export class JournalScanner {
  private rest: Uint8Array = new Uint8Array(0)
  private wholeBytes = 0
  private head: JournalHead = emptyJournal

  constructor(private readonly namespace: string) {}

  /** @throws Refusal `JOURNAL_BROKEN` with the offset of the frame, `WRONG_NAMESPACE`, `CBOR_*`. */
  take(chunk: Uint8Array): JournalRecord[] {
    this.rest = concat(this.rest, chunk)
    const records: JournalRecord[] = []
    for (let payload = this.nextFrame(); payload !== null; payload = this.nextFrame())
      records.push(...this.readFrame(payload))
    return records
  }

  end(): JournalEnd {
    return { wholeBytes: this.wholeBytes, tornBytes: this.rest.length, head: this.head }
  }

  /** @returns the payload of the next whole frame, or null when more bytes are needed or the rest is torn. */
  private nextFrame(): Uint8Array | null {
    const { rest } = this
    if (rest.length < FRAME_HEADER_BYTES) return null
    // Blocks that the file system gave us and never filled.
    if (rest.every((byte) => byte === 0)) return null
    const view = new DataView(rest.buffer, rest.byteOffset)
    const length = view.getUint32(0)
    if (view.getUint32(4) !== ~length >>> 0 || length > MAX_FRAME_PAYLOAD_BYTES)
      throw this.broken('impossible length of a frame')
    const end = FRAME_HEADER_BYTES + length
    if (rest.length < end) return null
    const payload = rest.subarray(FRAME_HEADER_BYTES, end)
    if (equalBytes(frameChecksum(payload), rest.subarray(8, FRAME_HEADER_BYTES))) return payload
    if (rest.length > end) throw this.broken('checksum of a frame that is not the last')
    return null
  }

  private readFrame(payload: Uint8Array): JournalRecord[] {
    const limits = { maxBytes: MAX_FRAME_PAYLOAD_BYTES, maxDepth: 2, maxItems: MAX_FRAME_RECORDS }
    const list = decodeCbor(payload, limits)
    if (!Array.isArray(list) || list.length === 0) throw this.broken('a frame without records')
    const records = list.map((bytes: unknown) => this.readRecord(bytes))
    const frameBytes = FRAME_HEADER_BYTES + payload.length
    this.wholeBytes += frameBytes
    this.rest = this.rest.subarray(frameBytes)
    return records
  }

  private readRecord(bytes: unknown): JournalRecord {
    if (!(bytes instanceof Uint8Array)) throw this.broken('a record is not a byte string')
    const record = decodeRecord(bytes, this.wholeBytes)
    if (record.namespace !== this.namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: this.namespace, found: record.namespace })
    if (record.index !== this.head.index) throw this.broken('a record is missing')
    if (!equalBytes(record.previousSha256, this.head.sha256)) throw this.broken('the hash chain does not fit')
    this.head = { index: record.index + 1, sha256: recordSha256(bytes) }
    return record
  }

  private broken(why: string): Refusal {
    return new Refusal('JOURNAL_BROKEN', { at: this.wholeBytes, why })
  }
}
