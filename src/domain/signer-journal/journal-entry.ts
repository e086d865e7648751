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
  /** Names this start, 16 bytes of chance; a start that was suspended goes by it. */
  readonly startId: Uint8Array
  /** Of the host id that stands beside the state. */
  readonly hostSha256: Uint8Array
  /** The state is older than the mark beside it, or has none. */
  readonly isRestored: boolean
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
  readonly operation: 'sign' | 're-sign' | 'krl' | 'krl-renew'
  readonly requestId: string
  /** 64 hex digits. */
  readonly keyId: string
  readonly subjectSha256: Uint8Array
  /** The approvals as they were signed: whoever reads the journal can verify them again. */
  readonly approvals: readonly Uint8Array[]
  /** Person who submitted a release and is not counted; "" for anything else. */
  readonly requester: string
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
/** A certificate of a device, or of the authority itself: `deviceId` is "" then. */
export interface CertificateEntry {
  readonly kind: 'certificate'
  readonly keyId: string
  readonly deviceId: string
  readonly serial: Uint8Array
  /** Of the bytes that were signed: TBSCertificate. */
  readonly subjectSha256: Uint8Array
  readonly expires: number
}
/** People let a suspended signer go on, or set its clock right; the order as they approved it. */
export interface OrderEntry {
  readonly kind: 'resume' | 'clock-reset'
  readonly requestId: string
  readonly bytes: Uint8Array
  readonly approvals: readonly Uint8Array[]
  readonly bootId: string
  readonly uptimeSeconds: number
}
export type JournalEntry =
  | StartEntry
  | DocumentEntry
  | ImageEntry
  | IntentEntry
  | ResultEntry
  | AssignmentEntry
  | FreshnessEntry
  | CertificateEntry
  | OrderEntry

/** An entry and the time of its record, in seconds. */
export interface TimedEntry {
  readonly time: number
  readonly entry: JournalEntry
}

/** Members by their names: the journal is read by auditors. */
export function bodyOf(entry: JournalEntry): CborMap {
  return cborMap(Object.entries<CborValue>({ ...entry }).filter(([name]) => name !== 'kind'))
}

/** @throws Refusal `JOURNAL_BROKEN` for a kind this program does not know, `DOCUMENT_MALFORMED` for its members. */
export function entryOf(record: JournalRecord): JournalEntry {
  const fields = new Fields('journal', record.body)
  const entry = readEntry(record, fields)
  fields.finish()
  return entry
}

function readEntry(record: JournalRecord, fields: Fields): JournalEntry {
  const { kind } = record
  if (Object.hasOwn(readers, kind)) return readers[kind as JournalEntry['kind']](fields)
  // Skipping what a later program wrote could skip a spent grant.
  throw new Refusal('JOURNAL_BROKEN', { at: record.index, why: `unknown kind of record ${kind}` })
}

const readDocument =
  (kind: DocumentEntry['kind']) =>
  (fields: Fields): DocumentEntry => ({ kind, bytes: readBytes(fields) })

const readOrder =
  (kind: OrderEntry['kind']) =>
  (fields: Fields): OrderEntry => ({
    kind,
    requestId: fields.text('requestId'),
    bytes: readBytes(fields),
    approvals: readApprovals(fields),
    bootId: readText(fields, 'bootId'),
    uptimeSeconds: fields.uint('uptimeSeconds'),
  })

const readers: { readonly [K in JournalEntry['kind']]: (fields: Fields) => JournalEntry } = {
  start: (fields) => ({
    kind: 'start',
    process: fields.text('process'),
    pinnedRootSha256: fields.bytes('pinnedRootSha256', 32),
    bootId: readText(fields, 'bootId'),
    uptimeSeconds: fields.uint('uptimeSeconds'),
    tornBytes: fields.uint('tornBytes'),
    startId: fields.bytes('startId', 16),
    hostSha256: fields.bytes('hostSha256', 32),
    isRestored: readBoolean(fields, 'isRestored'),
  }),
  root: readDocument('root'),
  policy: readDocument('policy'),
  krl: readDocument('krl'),
  image: (fields) => ({
    kind: 'image',
    imageSha256: fields.bytes('imageSha256', 32),
    imageSizeBytes: fields.uint('imageSizeBytes'),
  }),
  intent: (fields) => readIntent(fields),
  result: (fields) => ({
    kind: 'result',
    operation: readOperation(fields),
    requestId: fields.text('requestId'),
    bytes: readBytes(fields),
  }),
  assignment: (fields) => ({
    kind: 'assignment',
    planSha256: fields.bytes('planSha256', 32),
    planExpires: fields.uint('planExpires'),
    manifestSha256: fields.bytes('manifestSha256', 32),
    deviceId: fields.text('deviceId'),
    keyId: fields.text('keyId'),
  }),
  freshness: (fields) => ({
    kind: 'freshness',
    keyId: fields.text('keyId'),
    krlNumber: fields.uint('krlNumber'),
    rootVersion: fields.uint('rootVersion'),
    expires: fields.uint('expires'),
  }),
  certificate: (fields) => ({
    kind: 'certificate',
    keyId: fields.text('keyId'),
    deviceId: readText(fields, 'deviceId'),
    serial: fields.bytes('serial', 16),
    subjectSha256: fields.bytes('subjectSha256', 32),
    expires: fields.uint('expires'),
  }),
  resume: readOrder('resume'),
  'clock-reset': readOrder('clock-reset'),
}

const readIntent = (fields: Fields): IntentEntry => ({
  kind: 'intent',
  operation: readOperation(fields),
  requestId: fields.text('requestId'),
  keyId: fields.text('keyId'),
  subjectSha256: fields.bytes('subjectSha256', 32),
  approvals: readApprovals(fields),
  requester: readText(fields, 'requester'),
  isBreakGlass: readBoolean(fields, 'isBreakGlass'),
  classId: readText(fields, 'classId'),
  sequence: fields.uint('sequence'),
})

function readOperation(fields: Fields): IntentEntry['operation'] {
  const operation = fields.text('operation')
  if (operation === 'sign' || operation === 're-sign' || operation === 'krl' || operation === 'krl-renew')
    return operation
  throw fields.refusal('operation', 'unknown operation')
}

/** A release is in the journal as its envelope; everything else that has a result is a KRL. */
export const isReleaseOperation = (operation: IntentEntry['operation']): boolean =>
  operation === 'sign' || operation === 're-sign'

const readApprovals = (fields: Fields): Uint8Array[] =>
  fields.array('approvals').map((approval) => {
    if (!(approval instanceof Uint8Array)) throw fields.refusal('approvals', 'not a byte string')
    return approval.slice()
  })

function readBoolean(fields: Fields, name: string): boolean {
  const value = fields.value(name)
  if (typeof value !== 'boolean') throw fields.refusal(name, 'not a boolean')
  return value
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
