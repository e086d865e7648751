import { Refusal, type RefusalCode } from '../../domain/refusal.js'
import { errorCodeOf } from '../error-code.js'

/** Bodies of DDI: SWUpdate sends up to 48 lines of log in one. */
export const MAX_BODY_BYTES = 262_144

/** What is not listed is something the client sent and can mend: 400. */
const statuses: Partial<Record<RefusalCode, number>> = {
  UNAUTHENTICATED: 401,
  ENROLMENT_REFUSED: 403,
  NOT_FOUND: 404,
  IMAGE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  ACTION_NOT_CANCELLED: 405,
  NOT_ACCEPTABLE: 406,
  ACTION_OVER: 410,
  BODY_TOO_LARGE: 413,
  RATE_EXCEEDED: 429,
  OVERLOADED: 503,
  DATABASE_UNAVAILABLE: 503,
  SIGNER_UNAVAILABLE: 503,
}

/** A "no" in the words of DDI. */
export interface DdiProblem {
  readonly status: number
  readonly code: RefusalCode | 'INTERNAL'
  readonly message: string
}

/** Of a bug or an outage nothing is told but that there was one. */
export function problemOf(error: unknown): DdiProblem {
  const refusal: Refusal | 'media type' | null = error instanceof Refusal ? error : ofFastify(error)
  if (refusal === null) return { status: 500, code: 'INTERNAL', message: 'the server failed' }
  if (refusal === 'media type')
    return { status: 415, code: 'REQUEST_INVALID', message: 'not a content type of this call' }
  const facts = Object.entries(refusal.detail).map(([name, value]) => `${name}: ${String(value)}`)
  return { status: statuses[refusal.code] ?? 400, code: refusal.code, message: facts.join('; ') }
}

function ofFastify(error: unknown): Refusal | 'media type' | null {
  const code = errorCodeOf(error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Refusal('BODY_TOO_LARGE', { limitBytes: MAX_BODY_BYTES })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'media type'
  // What is left of its refusals is about the body: its length, its end.
  return code.startsWith('FST_ERR_CTP') ? new Refusal('REQUEST_INVALID', { field: 'body', why: 'not whole' }) : null
}
