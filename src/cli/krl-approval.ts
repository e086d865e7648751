import { toBase64Url } from '../domain/bytes.js'
import { encodeKrl } from '../domain/trust/krl.js'
import { approvalLife, requireApproverRole, signApproval } from './approval-signing.js'
import { KrlRequestAnswer } from './api-answers.js'
import { segment, type ConfirmOptions } from './command-shape.js'
import { checkKrlRequest, describeKrl, quorumOperationOf, type CheckedKrl } from './krl-check.js'
import { nextKrl, type KrlAddition } from './krl-change.js'
import { showPersonKey } from './person-key.js'
import { confirm, openKey, type KeyOptions, type Session } from './session.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

type SignOptions = KeyOptions & ConfirmOptions & { readonly role?: string }

/** Builds the list after the verified one, shows the difference, proposes it and approves it as the first person. */
export async function proposeKrl(
  session: Session,
  held: HeldTrust,
  addition: KrlAddition,
  options: SignOptions,
): Promise<KrlRequestAnswer> {
  const { world, api, output } = session
  const krl = nextKrl(held, addition, world.clock.nowSeconds())
  const payload = toBase64Url(encodeKrl(krl))
  output.lines(describeKrl(held, krl))
  await confirm(world, options.yes, 'Propose and sign this?')
  // A wrong passphrase shows before anything is asked of the server.
  await openKey(world, options)
  const request = await api.post('/krl-requests', { krl: payload }, KrlRequestAnswer)
  return signRequest(session, held, request, checkKrlRequest(held, { ...request, krl: payload }), options)
}

/** Checks somebody's proposal against the list verified here, shows it, asks, approves. */
export async function approveKrl(session: Session, id: string, options: SignOptions): Promise<KrlRequestAnswer> {
  const { world, api, output } = session
  const held = await session.refreshTrust()
  const request = await api.get(`/krl-requests/${segment(id)}`, KrlRequestAnswer)
  const checked = checkKrlRequest(held, request)
  output.lines(describeKrl(held, checked.krl))
  await confirm(world, options.yes, 'Sign this?')
  return signRequest(session, held, request, checked, options)
}

async function signRequest(
  session: Session,
  held: HeldTrust,
  request: KrlRequestAnswer,
  checked: CheckedKrl,
  options: SignOptions,
): Promise<KrlRequestAnswer> {
  const policy = requirePolicy(held)
  const operation = quorumOperationOf(policy, checked)
  const { role } = requireApproverRole(policy, showPersonKey(options.key).keyId, operation, options.role)
  const { signer } = await openKey(session.world, options)
  const now = session.world.clock.nowSeconds()
  const approved = {
    operation,
    subjectSha256: checked.subjectSha256,
    requestId: request.requestId,
    image: null,
    requester: null,
  }
  const approval = await signApproval(held, signer, approved, role, approvalLife(policy, now), now)
  const body = { approval: toBase64Url(approval) }
  return session.api.post(`/krl-requests/${segment(request.id)}/approvals`, body, KrlRequestAnswer)
}
