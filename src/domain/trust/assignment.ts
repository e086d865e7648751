import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/** Lives at most a day, so an old one cannot be kept for later. */
export const MAX_ASSIGNMENT_LIFE_SECONDS = 86_400

/** "This device may install this release now." @see docs/formats/assignment.md */
export interface Assignment {
  readonly namespace: string
  /** Thumbprint of the device's key, 64 hex digits. */
  readonly deviceId: string
  readonly rolloutId: string
  /** SUIT digest of the manifest, 32 bytes. */
  readonly manifestSha256: Uint8Array
  readonly sequence: number
  /** The newest KRL the signer knew: new firmware cannot be had while that KRL is hidden. */
  readonly leastKrlNumber: number
  readonly notBefore: number
  readonly expires: number
}

export const encodeAssignment = (assignment: Assignment): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, assignment.namespace],
      [3, assignment.deviceId],
      [4, assignment.rolloutId],
      [5, assignment.manifestSha256],
      [6, assignment.sequence],
      [7, assignment.leastKrlNumber],
      [8, assignment.notBefore],
      [9, assignment.expires],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseAssignment(payload: Uint8Array): Assignment {
  const fields = Fields.open('assignment', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const assignment: Assignment = {
    namespace: fields.header(),
    deviceId: readDeviceId(fields, 3),
    rolloutId: fields.text(4, 64),
    manifestSha256: fields.bytes(5, 32),
    sequence: fields.uint(6),
    leastKrlNumber: fields.uint(7),
    notBefore: fields.uint(8),
    expires: fields.uint(9),
  }
  fields.finish()
  return assignment
}

export const isDeviceId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

export function readDeviceId(fields: Fields, key: number): string {
  const id = fields.text(key, 64)
  if (!isDeviceId(id)) throw fields.refusal(key, 'not 64 lower-case hex digits')
  return id
}
