import { z } from 'zod'
import { findBase64Url, sha256, toBase64Url, utf8 } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { formatUuid } from '../../domain/suit/identifiers.js'
import { operations, type Operation } from '../../domain/trust/roles.js'

const bytes = z.string().refine((text) => findBase64Url(text) !== null, 'not base64url')
const RequestFile = z.strictObject({
  format: z.literal('countersign-request/v1'),
  operation: z.enum(operations),
  requestId: z.uuid(),
  payload: bytes,
  approvals: z.array(bytes).min(1).max(64),
})

/** What people approved apart from each other, on its way to a signer. */
export interface ApprovedPayload {
  readonly operation: Operation
  readonly requestId: string
  readonly payload: Uint8Array
  readonly approvals: readonly Uint8Array[]
}

/**
 * The request that approvals of a payload name: everybody finds the same one, without asking anybody. A UUID of version 8
 * (RFC 9562 §5.8) from the first bytes of its SHA-256.
 */
export function requestIdOf(payload: Uint8Array): string {
  const id = sha256(payload).slice(0, 16)
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x80
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return formatUuid(id)
}

export const encodeRequestFile = (request: ApprovedPayload): Uint8Array =>
  utf8(
    `${JSON.stringify(
      {
        format: 'countersign-request/v1',
        operation: request.operation,
        requestId: request.requestId,
        payload: toBase64Url(request.payload),
        approvals: request.approvals.map(toBase64Url),
      },
      null,
      2,
    )}\n`,
  )

/** @throws Refusal `REQUEST_INVALID` naming the member, also when the request id is not that of the payload. */
export function parseRequestFile(file: Uint8Array): ApprovedPayload {
  const parsed = RequestFile.safeParse(findJson(file))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new Refusal('REQUEST_INVALID', { field: issue?.path.join('.') ?? '', why: issue?.message ?? 'malformed' })
  }
  const of = (text: string): Uint8Array => findBase64Url(text) ?? new Uint8Array(0)
  const { operation, requestId, payload, approvals } = parsed.data
  if (requestId !== requestIdOf(of(payload)))
    throw new Refusal('REQUEST_INVALID', { field: 'requestId', why: 'not that of the payload' })
  return { operation, requestId, payload: of(payload), approvals: approvals.map(of) }
}

function findJson(file: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(file).toString('utf8'))
  } catch {
    return undefined
  }
}
