import { concat, equalBytes } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { Refusal } from '../refusal.js'
import {
  emptyJournal,
  FRAME_HEADER_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_FRAME_RECORDS,
  type JournalEnd,
  type JournalHead,
} from './journal-chain.js'
import { findTear, findWholeFrame, lastUsedByte } from './journal-tail.js'
import { decodeRecord, recordSha256, type JournalRecord } from './journal-record.js'

/** Behind the last whole frame lies at most a write that was not finished, and the room that was laid out for it. */
const MAX_TAIL_BYTES = 2 * (FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD_BYTES)

/**
 * Reads a journal piece by piece and follows its chain. Only its very last frame may be torn (a write that the machine
 * did not finish and that nobody was told of), and only zeros may follow; anything else that does not fit is a broken journal.
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
    for (let payload = findWholeFrame(this.rest); payload !== null; payload = findWholeFrame(this.rest))
      records.push(...this.readFrame(payload))
    if (this.rest.length > MAX_TAIL_BYTES) throw this.broken('no frame, and more than one write behind it')
    return records
  }

  /** Judges what lies behind the last whole frame. @throws Refusal `JOURNAL_BROKEN`. */
  end(): JournalEnd {
    const tornBytes = lastUsedByte(this.rest)
    const why = tornBytes === 0 ? null : findTear(this.rest, this.wholeBytes)
    if (why !== null) throw this.broken(why)
    return { wholeBytes: this.wholeBytes, tornBytes, head: this.head }
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
