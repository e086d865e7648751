import { sha256 } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborMap } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** A record may hold a whole KRL (≤ 1 MiB) and what is said about it. */
const MAX_RECORD_BYTES = 2_097_152

/** One line of a signer's journal. `kind` and `body` are the writer's; the rest is the chain. */
export interface JournalRecord {
  readonly namespace: string
  /** 0, 1, 2 … without a gap. */
  readonly index: number
  /** SHA-256 of the record before, as it was written; zeros for the first. */
  readonly previousSha256: Uint8Array
  /** Seconds since the Unix epoch by the writer's clock. */
  readonly time: number
  readonly kind: string
  readonly body: CborMap
}

/** CDDL: { 1 => 1, 2 => namespace, 3 => index, 4 => previous: bstr .size 32, 5 => time, 6 => kind: tstr, 7 => { * any } } */
export const encodeRecord = (record: JournalRecord): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, record.namespace],
      [3, record.index],
      [4, record.previousSha256],
      [5, record.time],
      [6, record.kind],
      [7, record.body],
    ]),
  )

/** @throws Refusal `JOURNAL_BROKEN` at byte `at` of the file, `CBOR_*`. */
export function decodeRecord(bytes: Uint8Array, at: number): JournalRecord {
  const map = decodeCbor(bytes, { maxBytes: MAX_RECORD_BYTES, maxDepth: 5 })
  const members: CborMap = map instanceof Map ? map : new Map()
  const [namespace, index, previous] = [members.get(2), members.get(3), members.get(4)]
  const [time, kind, body] = [members.get(5), members.get(6), members.get(7)]
  const whole =
    members.size === 7 &&
    members.get(1) === 1 &&
    typeof namespace === 'string' &&
    typeof index === 'number' &&
    previous instanceof Uint8Array &&
    typeof time === 'number' &&
    typeof kind === 'string' &&
    body instanceof Map
  if (!whole) throw new Refusal('JOURNAL_BROKEN', { at, why: 'not a record' })
  return { namespace, index, previousSha256: previous, time, kind, body }
}

export const recordSha256 = (bytes: Uint8Array): Uint8Array => sha256(bytes)
