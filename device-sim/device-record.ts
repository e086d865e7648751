import { encodeCbor } from '../src/domain/cbor/encode.js'
import { cborMap, type CborValue } from '../src/domain/cbor/value.js'
import type { RefusalCode } from '../src/domain/refusal.js'
import { Fields } from '../src/domain/trust/fields.js'
import type { EnrolAnswer } from '../src/protocol/device-http.js'
import { imageFromCbor, imageToCbor } from './boot-record.js'
import type { SlotImage } from './slot-image.js'

/** An update that failed here. `tries` counts downloads; a final one is not tried again under the same rollout. */
export interface Failure {
  readonly image: SlotImage
  readonly tries: number
  readonly isFinal: boolean
  readonly code: RefusalCode
  readonly step: number
}

/** What a device remembers beside its trust state and its boot record. */
export interface DeviceRecord {
  readonly enrolment: EnrolAnswer | null
  /** Reports are numbered [epoch, counter]; stored before a report leaves, so that no number is used twice. */
  readonly epoch: number
  readonly counter: number
  /** The newest report, signed, until the server said that it has it. */
  readonly unacknowledged: Uint8Array | null
  /** The image of which the slot that does not run holds the beginning. */
  readonly partial: SlotImage | null
  readonly failure: Failure | null
  /** Manifest digest of the boot that was reported as confirmed. */
  readonly confirmedDigest: string
  /** Grows with each connection to the broker. */
  readonly connections: number
}

export const blankRecord: DeviceRecord = {
  enrolment: null,
  epoch: 1,
  counter: 0,
  unacknowledged: null,
  partial: null,
  failure: null,
  confirmedDigest: '',
  connections: 0,
}

export const encodeDeviceRecord = (record: DeviceRecord): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, enrolmentToCbor(record.enrolment)],
      [2, record.epoch],
      [3, record.counter],
      [4, record.unacknowledged],
      [5, imageToCbor(record.partial)],
      [6, failureToCbor(record.failure)],
      [7, record.confirmedDigest],
      [8, record.connections],
    ]),
  )

const enrolmentToCbor = (enrolment: EnrolAnswer | null): CborValue =>
  enrolment === null
    ? null
    : [enrolment.deviceId, enrolment.credential, enrolment.mqtt.url, enrolment.mqtt.username, enrolment.mqtt.password]

const failureToCbor = (failure: Failure | null): CborValue =>
  failure === null ? null : [imageToCbor(failure.image), failure.tries, failure.isFinal, failure.code, failure.step]

export function parseDeviceRecord(bytes: Uint8Array): DeviceRecord {
  const fields = Fields.open('device record', bytes, { maxBytes: 262_144, maxDepth: 4 })
  const confirmedDigest = fields.value(7)
  const record: DeviceRecord = {
    enrolment: enrolmentFromCbor(fields, fields.value(1)),
    epoch: fields.uint(2),
    counter: fields.uint(3),
    unacknowledged: bytesOrNull(fields, 4),
    partial: imageFromCbor(fields, fields.value(5)),
    failure: failureFromCbor(fields, fields.value(6)),
    confirmedDigest: typeof confirmedDigest === 'string' ? confirmedDigest : '',
    connections: fields.uint(8),
  }
  fields.finish()
  return record
}

function bytesOrNull(fields: Fields, key: number): Uint8Array | null {
  const value = fields.value(key)
  if (value !== null && !(value instanceof Uint8Array)) throw fields.refusal(key, 'not bytes')
  return value
}

function enrolmentFromCbor(fields: Fields, value: CborValue): EnrolAnswer | null {
  if (value === null) return null
  const [deviceId = '', credential = '', url = '', username = '', password = ''] = fields
    .asArray(1, value, 5)
    .map((text) => fields.asText(1, text, 1_024))
  return { deviceId, credential, mqtt: { url, username, password } }
}

function failureFromCbor(fields: Fields, value: CborValue): Failure | null {
  if (value === null) return null
  const [image, tries, isFinal, code, step] = fields.asArray(6, value, 5)
  const read = imageFromCbor(fields, image)
  if (read === null) throw fields.refusal(6, 'no image')
  return {
    image: read,
    tries: fields.asUint(6, tries),
    isFinal: isFinal === true,
    code: fields.asText(6, code) as RefusalCode,
    step: fields.asUint(6, step),
  }
}
