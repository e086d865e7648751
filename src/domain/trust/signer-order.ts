import { fromHex, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborKey, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/** The process of a namespace that an order is for: what one may do again says nothing about the other. */
export type SignerName = 'release' | 'online'

/**
 * People let a signer go on that was suspended because its state may be a restored one. Approvals from before are void then.
 * CDDL: { 1 => 1, 2 => namespace, 3 => process: tstr, 4 => suspension: bstr .size 16, 5 => { * class-id => uint }, 6 => uint }
 * @see docs/runbooks, "a signer that says SIGNER_SUSPENDED"
 */
export interface ResumeOrder {
  readonly namespace: string
  readonly process: SignerName
  /** Names the suspension, as the signer's status shows it: the order of one restore is none for the next. */
  readonly suspensionId: Uint8Array
  /** Highest sequence that may have been signed, by class id: the restored state may have forgotten it. */
  readonly sequences: ReadonlyMap<string, number>
  /** The signer must hold this KRL or a newer one before it goes on. */
  readonly leastKrlNumber: number
}

/**
 * People say that a clock which the signer refuses is right now.
 * CDDL: { 1 => 1, 2 => namespace, 3 => process: tstr, 4 => last-seen: uint, 5 => not-before: uint, 6 => expires: uint }
 */
export interface ClockResetOrder {
  readonly namespace: string
  readonly process: SignerName
  /** The last time seen that the signer's status shows; the order ends with it. */
  readonly lastSeen: number
  /** The signer's clock must read at least this and less than `expires`, at most a day apart. */
  readonly notBefore: number
  readonly expires: number
}

const LONGEST_RESET_SECONDS = 86_400

export const encodeResumeOrder = (order: ResumeOrder): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, order.namespace],
      [3, order.process],
      [4, order.suspensionId],
      [5, cborMap([...order.sequences].map(([classId, highest]): [CborKey, CborValue] => [fromHex(classId), highest]))],
      [6, order.leastKrlNumber],
    ]),
  )

export const encodeClockResetOrder = (order: ClockResetOrder): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, order.namespace],
      [3, order.process],
      [4, order.lastSeen],
      [5, order.notBefore],
      [6, order.expires],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseResumeOrder(payload: Uint8Array): ResumeOrder {
  const fields = Fields.open('resume order', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const order: ResumeOrder = {
    namespace: fields.header(),
    process: readProcess(fields),
    suspensionId: fields.bytes(4, 16),
    sequences: new Map(
      [...fields.entries(5)].map(([classId, highest]) => [
        toHex(fields.asBytes(5, classId as CborValue, 16)),
        fields.asUint(5, highest),
      ]),
    ),
    leastKrlNumber: fields.uint(6),
  }
  fields.finish()
  return order
}

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, also when it speaks of more than a day; `CBOR_*`. */
export function parseClockResetOrder(payload: Uint8Array): ClockResetOrder {
  const fields = Fields.open('clock reset', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const order: ClockResetOrder = {
    namespace: fields.header(),
    process: readProcess(fields),
    lastSeen: fields.uint(4),
    notBefore: fields.uint(5),
    expires: fields.uint(6),
  }
  fields.finish()
  const seconds = order.expires - order.notBefore
  if (seconds <= 0 || seconds > LONGEST_RESET_SECONDS) throw fields.refusal(6, 'not within a day after member 5')
  return order
}

function readProcess(fields: Fields): SignerName {
  const process = fields.text(3)
  if (process !== 'release' && process !== 'online') throw fields.refusal(3, 'unknown process')
  return process
}

/** Both orders name one signer. @throws Refusal `WRONG_NAMESPACE`, `ORDER_MISMATCH`. */
export function requireOrderFor(order: ResumeOrder | ClockResetOrder, namespace: string, process: string): void {
  if (order.namespace !== namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: order.namespace })
  if (order.process !== process) throw new Refusal('ORDER_MISMATCH', { field: 'process' })
}
