import { toBase64Url } from '../domain/bytes.js'
import { parseClockResetOrder, parseResumeOrder } from '../domain/trust/signer-order.js'
import { AnyAnswer, KrlRequestAnswer } from './api-answers.js'
import type { ApprovedPayload } from './ceremony/request-file.js'
import { segment } from './command-shape.js'
import { printKrlRequest } from './krl-request-text.js'
import type { Session } from './session.js'

/** Brings the server what people approved apart from each other. Safe to repeat: a signer does each thing once. */
export async function deliverRequest(session: Session, request: ApprovedPayload): Promise<void> {
  const { operation } = request
  if (operation === 'resume-signer') return deliverOrder(session, request, 'resume', parseResumeOrder)
  if (operation === 'clock-reset') return deliverOrder(session, request, 'clock-reset', parseClockResetOrder)
  return deliverKrl(session, request)
}

async function deliverKrl(session: Session, { payload, requestId, approvals }: ApprovedPayload): Promise<void> {
  const { api } = session
  let row = await api.post('/krl-requests', { krl: toBase64Url(payload), requestId }, KrlRequestAnswer)
  for (const approval of approvals) {
    const path = `/krl-requests/${segment(row.id)}/approvals`
    row = await api.post(path, { approval: toBase64Url(approval) }, KrlRequestAnswer)
  }
  printKrlRequest(session, row)
}

async function deliverOrder(
  session: Session,
  { payload, requestId, approvals }: ApprovedPayload,
  operation: 'resume' | 'clock-reset',
  parse: (payload: Uint8Array) => { readonly process: string },
): Promise<void> {
  const { process } = parse(payload)
  const body = { operation, requestId, order: toBase64Url(payload), approvals: approvals.map(toBase64Url) }
  const answer = await session.api.post(`/signers/${process}/orders`, body, AnyAnswer)
  session.output.line(`the ${process} signer carried out the order: ${operation}`)
  session.output.result(answer)
}
