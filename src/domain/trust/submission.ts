import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/** An engineer's word for what they uploaded, signed by their own key. @see docs/formats/submission.md */
export interface Submission {
  readonly namespace: string
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
  readonly version: string
  readonly classId: Uint8Array
  readonly requestId: string
  readonly time: number
}

export const encodeSubmission = (submission: Submission): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, submission.namespace],
      [3, submission.imageSha256],
      [4, submission.imageSizeBytes],
      [5, submission.version],
      [6, submission.classId],
      [7, submission.requestId],
      [8, submission.time],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseSubmission(payload: Uint8Array): Submission {
  const fields = Fields.open('submission', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const submission: Submission = {
    namespace: fields.header(),
    imageSha256: fields.bytes(3, 32),
    imageSizeBytes: fields.uint(4),
    version: fields.text(5, 64),
    classId: fields.bytes(6, 16),
    requestId: fields.text(7, 64),
    time: fields.uint(8),
  }
  fields.finish()
  return submission
}
