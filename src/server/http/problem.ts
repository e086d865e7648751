import { HttpException } from '@nestjs/common'
import { Refusal, type RefusalCode } from '../../domain/refusal.js'
import { errorCodeOf } from '../error-code.js'

/** An answer of content type `application/problem+json` (RFC 9457). Clients key on `code`. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: object
  readonly instance?: string
}

/** What is not listed is something the caller sent and can mend: 400. */
const statuses: Partial<Record<RefusalCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ENROLMENT_REFUSED: 403,
  NOT_FOUND: 404,
  RELEASE_UNKNOWN: 404,
  IMAGE_UNKNOWN: 404,
  CONFLICT: 409,
  STATE: 409,
  ROLE_ENDS: 409,
  SIGNER_REFUSED: 409,
  SIGNER_SUSPENDED: 409,
  APPROVER_REPEATED: 409,
  APPROVER_IS_REQUESTER: 409,
  APPROVALS_MISSING: 409,
  QUORUM_NOT_MET: 409,
  REQUEST_SPENT: 409,
  SEQUENCE_OVERTAKEN: 409,
  SEQUENCE_REUSED: 409,
  ROOT_VERSION: 409,
  POLICY_VERSION: 409,
  POLICY_CHANGED: 409,
  POLICY_LAPSED: 409,
  KRL_OLD: 409,
  KRL_EQUIVOCATION: 409,
  KRL_MISSING: 409,
  REPORT_OLD: 409,
  REPORT_EPOCH: 409,
  REPORT_ROLLOUT: 409,
  PLAN_IMPOSSIBLE: 409,
  NONCE_UNKNOWN: 409,
  PACE_EXCEEDED: 409,
  FIRMWARE_PRUNED: 409,
  UPLOAD_BUSY: 423,
  BODY_TOO_LARGE: 413,
  IMAGE_TOO_LARGE: 413,
  DOCUMENT_TOO_LARGE: 413,
  RATE_EXCEEDED: 429,
  OVERLOADED: 503,
  SIGNER_UNAVAILABLE: 503,
  SIGNER_STORAGE: 503,
  DATABASE_UNAVAILABLE: 503,
  BROKER_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
  STORE_CORRUPT: 500,
  STORE_FULL: 507,
}

/** What a person or a device is told. Of a bug or an outage: that there was one, and nothing of it. */
export function problemOf(error: unknown, instance?: string, contentType = ''): Problem {
  const refusal = asRefusal(error, contentType)
  const code = refusal?.code ?? 'INTERNAL'
  return {
    type: `urn:countersign:refusal:${code}`,
    title: code.toLowerCase().replaceAll('_', ' '),
    status: refusal === null ? 500 : (refusal.status ?? statuses[refusal.code] ?? 400),
    code,
    detail: refusal?.detail ?? {},
    ...(instance === undefined ? {} : { instance }),
  }
}

interface Answerable {
  readonly code: RefusalCode
  readonly detail: object
  readonly status?: number
}

function asRefusal(error: unknown, contentType: string): Answerable | null {
  if (error instanceof Refusal) return error
  const code = errorCodeOf(error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(contentType)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return wrongContentType
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY' || isSyntaxError(error)) return invalidBody
  if (code.startsWith('FST_ERR_CTP_INVALID')) return invalidBody
  return error instanceof HttpException ? ofHttp(error, contentType) : null
}

/** JSON bodies; firmware is streamed and has its own limit. */
export const JSON_LIMIT_BYTES = 1_048_576
/** Devices send signed documents; the largest, an enrolment or a report, is far below this. */
export const DOCUMENT_LIMIT_BYTES = 65_536
export const DOCUMENT_TYPES = ['application/cbor', 'application/cose']
const tooLarge = (contentType: string): Answerable => {
  const isDocument = DOCUMENT_TYPES.some((type) => contentType.toLowerCase().startsWith(type))
  return { code: 'BODY_TOO_LARGE', detail: { limitBytes: isDocument ? DOCUMENT_LIMIT_BYTES : JSON_LIMIT_BYTES } }
}
const wrongContentType: Answerable = {
  code: 'REQUEST_INVALID',
  detail: { field: 'content-type', why: 'not one this call takes' },
  status: 415,
}
const invalidBody: Answerable = { code: 'REQUEST_INVALID', detail: { field: 'body', why: 'not well-formed JSON' } }

const isSyntaxError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'name' in error && error.name === 'SyntaxError'

/** What Nest and Fastify refuse by themselves. */
function ofHttp(error: HttpException, contentType: string): Answerable | null {
  const status = error.getStatus()
  if (status === 404) return { code: 'NOT_FOUND', detail: { what: 'resource', id: '' } }
  if (status === 415) return wrongContentType
  if (status === 413) return tooLarge(contentType)
  if (status >= 400 && status < 500) return { ...invalidBody, status }
  return null
}
