import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { readDeviceId } from './assignment.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

export const reportStates = [
  'idle',
  'downloading',
  'downloaded',
  'installing',
  'rebooting',
  'confirmed',
  'failed',
  'reverted',
  'refused',
] as const
export type ReportState = (typeof reportStates)[number]

/** What a device says of itself, signed by its own key. @see docs/formats/report.md */
export interface Report {
  readonly namespace: string
  readonly deviceId: string
  /** Grows with every report; the epoch grows when a device was wiped. */
  readonly epoch: number
  readonly counter: number
  readonly time: number
  /** 32 bytes; zeros on a device that never installed anything of ours. */
  readonly runningManifestSha256: Uint8Array
  readonly runningSequence: number
  readonly runningImageSha256: Uint8Array
  readonly rootVersion: number
  readonly krlNumber: number
  readonly state: ReportState
  /** A number of docs/formats/report.md. */
  readonly reason?: number
  readonly rolloutId?: string
}

export const encodeReport = (report: Report): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, report.namespace],
      [3, report.deviceId],
      [4, [report.epoch, report.counter]],
      [5, report.time],
      [6, report.runningManifestSha256],
      [7, report.runningSequence],
      [8, report.runningImageSha256],
      [9, report.rootVersion],
      [10, report.krlNumber],
      [11, report.state],
      [12, report.reason],
      [13, report.rolloutId],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseReport(payload: Uint8Array): Report {
  const fields = Fields.open('report', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const namespace = fields.header()
  const [epoch, counter] = fields.asArray(4, fields.value(4), 2)
  const report: Report = {
    namespace,
    deviceId: readDeviceId(fields, 3),
    epoch: fields.asUint(4, epoch),
    counter: fields.asUint(4, counter),
    time: fields.uint(5),
    runningManifestSha256: fields.bytes(6, 32),
    runningSequence: fields.uint(7),
    runningImageSha256: fields.bytes(8, 32),
    rootVersion: fields.uint(9),
    krlNumber: fields.uint(10),
    state: readState(fields),
    ...(fields.has(12) ? { reason: fields.uint(12) } : {}),
    ...(fields.has(13) ? { rolloutId: fields.text(13, 64) } : {}),
  }
  fields.finish()
  return report
}

function readState(fields: Fields): ReportState {
  const word = fields.text(11)
  const state = reportStates.find((known) => known === word)
  if (state === undefined) throw fields.refusal(11, 'unknown state')
  return state
}
