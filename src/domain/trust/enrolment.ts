import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { coseKeyFromCbor, coseKeyToCbor, type CoseKey } from '../cose/cose-key.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/** A device asks to be known; signed by the key it asks for. It carries no anchors and gets none back. */
export interface Enrolment {
  readonly namespace: string
  readonly key: CoseKey
  readonly classId: Uint8Array
  readonly time: number
}

export const encodeEnrolment = (enrolment: Enrolment): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, enrolment.namespace],
      [3, coseKeyToCbor(enrolment.key)],
      [4, enrolment.classId],
      [5, enrolment.time],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `KEY_MALFORMED`, `CBOR_*`. */
export function parseEnrolment(payload: Uint8Array): Enrolment {
  const fields = Fields.open('enrolment', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const enrolment: Enrolment = {
    namespace: fields.header(),
    key: coseKeyFromCbor(fields.value(3)),
    classId: fields.bytes(4, 16),
    time: fields.uint(5),
  }
  fields.finish()
  return enrolment
}
