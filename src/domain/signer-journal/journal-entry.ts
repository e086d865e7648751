import { cborMap, type CborMap, type CborValue } from '../cbor/value.js'
import type { JournalRecord } from '../journal/journal-record.js'
import { Refusal } from '../refusal.js'
import { Fields } from '../trust/fields.js'

/** The process began to serve; `tornBytes` were dropped from the end of the file. */
export interface StartEntry {
  readonly kind: 'start'
  readonly process: string
  readonly pinnedRootSha256: Uint8Array
  readonly bootId: string
  /** Whole seconds since the machine started; 0 where it is not known. */
  readonly uptimeSeconds: number
  readonly tornBytes: number
}
/** A signed document that was judged and is held from here on. */
export interface DocumentEntry {
  readonly kind: 'root' | 'policy' | 'krl'
  readonly bytes: Uint8Array
}
export interface ImageEntry {
  readonly kind: 'image'
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
}
/** Check 16: from here on the request-id is spent, the sequence taken and the rate counted, whatever follows. */
export interface IntentEntry {
  readonly kind: 'intent'
  readonly operation: 'sign' | 'krl' | 'krl-renew'
  readonly requestId: string
  /** 64 hex digits. */
  readonly keyId: string
  readonly subjectSha256: Uint8Array
  /** Key ids of the people who approved. */
  readonly approvers: readonly string[]
  /** Outside of the change windows: an alarm. */
  readonly isBreakGlass: boolean
  /** 32 hex digits and the sequence of a release; "" and 0 for anything else. */
  readonly classId: string
  readonly sequence: number
}
/** Check 19: what was signed, whole. Publishing can be repeated from here. */
export interface ResultEntry {
  readonly kind: 'result'
  readonly operation: IntentEntry['operation']
  readonly requestId: string
  readonly bytes: Uint8Array
}
export interface AssignmentEntry {
  readonly kind: 'assignment'
  readonly planSha256: Uint8Array
  readonly planExpires: number
  readonly manifestSha256: Uint8Array
  readonly deviceId: string
  readonly keyId: string
}
export interface FreshnessEntry {
  readonly kind: 'freshness'
  readonly keyId: string
  readonly krlNumber: number
  readonly rootVersion: number
  readonly expires: number
}
export type JournalEntry =
  StartEntry | DocumentEntry | ImageEntry | IntentEntry | ResultEntry | AssignmentEntry | FreshnessEntry

/** An entry and the time of its record, in seconds. */
export interface TimedEntry {
  readonly time: number
  readonly entry: JournalEntry
}

/** Members by their names: the journal is read by auditors. */
export function bodyOf(entry: JournalEntry): CborMap {
  const { kind: _, ...members } = entry
  return cborMap(Object.entries(members as Record<string, CborValue>))
}

/** @throws Refusal `JOURNAL_BROKEN` for a kind this program does not know, `DOCUMENT_MALFORMED` for its members. */
export function entryOf(record: JournalRecord): JournalEntry {
  const fields = new Fields('journal', record.body)
  const entry = readEntry(record, fields)
  fields.finish()
  return entry
}

function readEntry(record: JournalRecord, fields: Fields): JournalEntry {
  switch (record.kind) {
    case 'start':
      return {
        kind: 'start',
        process: fields.text('process'),
        pinnedRootSha256: fields.bytes('pinnedRootSha256', 32),
        bootId: readText(fields, 'bootId'),
        uptimeSeconds: fields.uint('uptimeSeconds'),
        tornBytes: fields.uint('tornBytes'),
      }
    case 'root':
    case 'policy':
    case 'krl':
      return { kind: record.kind, bytes: readBytes(fields) }
    case 'image':
      return {
        kind: 'image',
        imageSha256: fields.bytes('imageSha256', 32),
        imageSizeBytes: fields.uint('imageSizeBytes'),
      }
    case 'intent':
      return readIntent(fields)
    case 'result':
      return {
        kind: 'result',
        operation: readOperation(fields),
        requestId: fields.text('requestId'),
        bytes: readBytes(fields),
      }
    case 'assignment':
      return {
        kind: 'assignment',
        planSha256: fields.bytes('planSha256', 32),
        planExpires: fields.uint('planExpires'),
        manifestSha256: fields.bytes('manifestSha256', 32),
        deviceId: fields.text('deviceId'),
        keyId: fields.text('keyId'),
      }
    case 'freshness':
      return {
        kind: 'freshness',
        keyId: fields.text('keyId'),
        krlNumber: fields.uint('krlNumber'),
        rootVersion: fields.uint('rootVersion'),
        expires: fields.uint('expires'),
      }
    default:
      // Skipping what a later program wrote could skip a spent grant.
      throw new Refusal('JOURNAL_BROKEN', { at: record.index, why: `unknown kind of record ${record.kind}` })
  }
}

const readIntent = (fields: Fields): IntentEntry => ({
  kind: 'intent',
  operation: readOperation(fields),
  requestId: fields.text('requestId'),
  keyId: fields.text('keyId'),
  subjectSha256: fields.bytes('subjectSha256', 32),
  approvers: fields.array('approvers').map((keyId) => fields.asText('approvers', keyId)),
  isBreakGlass: fields.value('isBreakGlass') === true,
  classId: readText(fields, 'classId'),
  sequence: fields.uint('sequence'),
})

function readOperation(fields: Fields): IntentEntry['operation'] {
  const operation = fields.text('operation')
  if (operation !== 'sign' && operation !== 'krl' && operation !== 'krl-renew')
    throw fields.refusal('operation', 'unknown operation')
  return operation
}

function readText(fields: Fields, name: string): string {
  const value = fields.value(name)
  if (typeof value !== 'string') throw fields.refusal(name, 'not a text')
  return value
}

function readBytes(fields: Fields): Uint8Array {
  const value = fields.value('bytes')
  if (!(value instanceof Uint8Array)) throw fields.refusal('bytes', 'not a byte string')
  // A copy: the view would keep the whole piece of the file alive.
  return value.slice()
}
