import { toBase64Url, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import type { ApprovedRequest } from '../domain/trust/check-approvals.js'
import { keyStandings } from '../domain/trust/key-standing.js'
import { ServerRefusal } from './api-client.js'
import { countApprovals } from './approvals-counted.js'
import { approvalLife, isClosed, requireApproverRole, signApproval } from './approval-signing.js'
import { ReleaseAnswer, ReSignAnswer } from './api-answers.js'
import { segment, type ConfirmOptions } from './command-shape.js'
import { showPersonKey } from './person-key.js'
import { fingerprintText } from './quantity-text.js'
import { printQuorum } from './quorum-text.js'
import { checkSignedRelease, type SignedRelease } from './release-check.js'
import { confirm, openKey, type KeyOptions, type Session } from './session.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/**
 * Asks for the signature of a newer key for a release, or joins whoever asked first, and approves it. The manifest is the one
 * that is signed already: a person sees which it is, and that nothing about it changes.
 * @throws Refusal of what does not fit; nothing is signed then.
 */
export async function reSignRelease(
  session: Session,
  id: string,
  options: KeyOptions & ConfirmOptions & { readonly role?: string },
): Promise<ReSignAnswer> {
  const { world, api, output } = session
  const held = await session.refreshTrust()
  const policy = requirePolicy(held)
  const now = world.clock.nowSeconds()
  const { keyId } = showPersonKey(options.key)
  const isWindowClosed = isClosed(policy, 're-sign', now)
  const { person, role } = requireApproverRole(policy, keyId, 're-sign', options.role, isWindowClosed)
  const checked = checkSignedRelease(held, await api.get(`/releases/${segment(id)}`, ReleaseAnswer))
  requireNewerKey(held, checked, now)
  output.lines(describe(checked, policy.namespace))
  const open = await findOpen(session, id)
  const roles = open === null ? [] : countApprovals(session, held, open.approvals, requestOf(checked, open.requestId))
  printQuorum(output, policy, 're-sign', roles, now)
  output.line(`You sign as ${person}, in the role ${role}, under policy ${policy.version}.`)
  await confirm(world, options.yes, 'Have this signed again with the newer key?')
  const { signer } = await openKey(world, options)
  const request = await api.post(`/releases/${segment(id)}/re-sign`, {}, ReSignAnswer)
  const signedAt = world.clock.nowSeconds()
  const approved = requestOf(checked, request.requestId)
  const approval = await signApproval(held, signer, approved, role, approvalLife(policy, signedAt), signedAt)
  const body = { approval: toBase64Url(approval) }
  const answer = await api.post(`/releases/${segment(id)}/re-sign/approvals`, body, ReSignAnswer)
  if (answer.state === 'signed') requireSameManifest(checked, answer)
  return answer
}

const requestOf = ({ manifest, manifestSha256 }: SignedRelease, requestId: string): ApprovedRequest => ({
  operation: 're-sign',
  subjectSha256: manifestSha256,
  requestId,
  image: manifest,
  // Whom not to count the signer knows from its own journal.
  requester: null,
})

/** What others asked for and approved already; null where nobody did. */
async function findOpen({ api }: Session, id: string): Promise<ReSignAnswer | null> {
  try {
    const newest = await api.get(`/releases/${segment(id)}/re-sign`, ReSignAnswer)
    return newest.state === 'signed' ? null : newest
  } catch (error) {
    if (error instanceof ServerRefusal && error.code === 'NOT_FOUND') return null
    throw error
  }
}

/** A key that left the root is older than any. @throws Refusal `KEY_NOT_NEWER`: the signer would say so after the last approval. */
function requireNewerKey({ state }: HeldTrust, { signedBy }: SignedRelease, now: number): void {
  const before = signedBy === null ? undefined : state.root.keys.get(signedBy)
  if (before === undefined) return
  const active = keyStandings(state, undefined, now).filter(
    (key) => (key.role === 'manifest-a' || key.role === 'manifest-b') && key.state === 'active',
  )
  if (active.some((key) => key.notBefore > before.notBefore)) return
  throw new Refusal('KEY_NOT_NEWER', { keyId: before.keyId, signedWith: before.keyId })
}

/** What came back must be the same release. */
function requireSameManifest({ manifestSha256 }: SignedRelease, answer: ReSignAnswer): void {
  const expected = toHex(manifestSha256)
  const found = answer.manifestSha256
  if (found !== expected) throw new Refusal('DIGEST_MISMATCH', { what: 'manifest', expected, found })
}

const describe = ({ manifest, manifestSha256, signedBy }: SignedRelease, namespace: string): string[] => [
  `namespace     ${namespace}`,
  `class         ${toHex(manifest.classId)}`,
  `version       ${manifest.version}`,
  `sequence      ${manifest.sequence}, as before`,
  `SUIT digest   ${fingerprintText(toHex(manifestSha256))}, as before`,
  signedBy === null ? 'signed before by a key that the root no longer lists' : `signed before by ${signedBy}`,
]
