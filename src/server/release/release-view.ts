import { toBase64Url, toHex } from '../../domain/bytes.js'
import type { Release, ReleaseState } from './release.service.js'
import type { SignerNo } from '../signer-no.js'
import type { Rejection } from './release.row.js'

interface ApprovalView {
  readonly person: string
  readonly role: string
  readonly keyId: string
  readonly time: number
  readonly approval: string
}

/** A release as the API shows it; everything an approver needs to check it without believing us. */
export interface ReleaseView {
  readonly id: string
  readonly state: ReleaseState
  readonly requestId: string
  readonly sequence: number
  readonly version: string
  readonly classId: string
  readonly className: string | null
  readonly imageSha256: string
  readonly imageSizeBytes: number
  readonly manifestSha256: string
  readonly manifest: string
  readonly text: string
  readonly submission: string
  readonly approvals: readonly ApprovalView[]
  readonly envelope: string | null
  readonly policyVersion: number
  readonly createdAt: number
  readonly signedAt: number | null
  readonly lastRefusal: SignerNo | null
  readonly rejection: Rejection | null
  /** The release to roll forward to when this one fails. */
  readonly fallbackId: string | null
  readonly fallbackOf: string | null
}

export function viewOf(
  { row, state, approvals, submission, fallbackOf }: Release,
  className: string | null,
): ReleaseView {
  return {
    id: row.id,
    state,
    requestId: row.requestId,
    sequence: row.sequence,
    version: row.version,
    classId: toHex(row.classId),
    className,
    imageSha256: toHex(row.imageSha256),
    imageSizeBytes: row.imageSizeBytes,
    manifestSha256: toHex(row.manifestSha256),
    manifest: toBase64Url(row.manifest),
    text: toBase64Url(row.manifestText),
    submission: toBase64Url(submission),
    approvals: approvals.map((each) => ({
      person: each.person,
      role: each.role,
      keyId: toHex(each.keyId),
      time: each.receivedAt,
      approval: toBase64Url(each.document),
    })),
    envelope: row.envelope === null ? null : toBase64Url(row.envelope),
    policyVersion: row.policyVersion,
    createdAt: row.createdAt,
    signedAt: row.signedAt,
    lastRefusal: row.lastRefusal,
    rejection: row.rejection,
    fallbackId: row.fallbackId,
    fallbackOf,
  }
}
