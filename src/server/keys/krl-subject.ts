import type { ApprovedRequest } from '../../domain/trust/check-approvals.js'
import type { Operation } from '../../domain/trust/roles.js'
import type { KrlRequestRow } from './krl-request.row.js'

/** What approvals of a KRL are about. Nobody is excluded: whoever proposes a revocation may be one of those who approve it. */
export const subjectOf = (row: KrlRequestRow, operation: Operation): ApprovedRequest => ({
  operation,
  subjectSha256: row.subjectSha256,
  requestId: row.id,
  image: null,
  requester: null,
})
