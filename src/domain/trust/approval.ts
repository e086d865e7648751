import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { isOperation, isPersonRole, type Operation, type PersonRole } from './roles.js'

/** What an approval of a release says about it, shown to the person who signs. */
export interface ApprovedImage {
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
  readonly sequence: number
  readonly classId: Uint8Array
  readonly version: string
}

/** One person's yes to exactly one thing. @see docs/formats/approval.md */
export interface Approval {
  readonly namespace: string
  readonly operation: Operation
  /** SUIT digest of a manifest, or SHA-256 of the payload of another document, 32 bytes. */
  readonly subjectSha256: Uint8Array
  readonly requestId: string
  readonly notBefore: number
  readonly expires: number
  readonly policyVersion: number
  readonly role: PersonRole
  readonly changeRecordSha256?: Uint8Array
  /** Members 11 to 15: all for a manifest, none for anything else. */
  readonly image?: ApprovedImage
}

export const encodeApproval = (approval: Approval): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, approval.namespace],
      [3, approval.operation],
      [4, approval.subjectSha256],
      [5, approval.requestId],
      [6, approval.notBefore],
      [7, approval.expires],
      [8, approval.policyVersion],
      [9, approval.role],
      [10, approval.changeRecordSha256],
      [11, approval.image?.imageSha256],
      [12, approval.image?.imageSizeBytes],
      [13, approval.image?.sequence],
      [14, approval.image?.classId],
      [15, approval.image?.version],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseApproval(payload: Uint8Array): Approval {
  const fields = Fields.open('approval', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const namespace = fields.header()
  const operation = fields.text(3)
  const role = fields.text(9)
  if (!isOperation(operation)) throw fields.refusal(3, 'unknown operation')
  if (!isPersonRole(role)) throw fields.refusal(9, 'unknown role')
  const isRelease = operation === 'sign' || operation === 're-sign'
  const approval: Approval = {
    namespace,
    operation,
    subjectSha256: fields.bytes(4, 32),
    requestId: fields.text(5, 64),
    notBefore: fields.uint(6),
    expires: fields.uint(7),
    policyVersion: fields.uint(8),
    role,
    ...(fields.has(10) ? { changeRecordSha256: fields.bytes(10, 32) } : {}),
    ...(isRelease ? { image: readImage(fields) } : {}),
  }
  fields.finish()
  return approval
}

const readImage = (fields: Fields): ApprovedImage => ({
  imageSha256: fields.bytes(11, 32),
  imageSizeBytes: fields.uint(12),
  sequence: fields.uint(13),
  classId: fields.bytes(14, 16),
  version: fields.text(15, 64),
})
