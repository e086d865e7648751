import { equalBytes, toBase64Url, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import type { Manifest } from '../domain/suit/manifest.js'
import type { ApprovedRequest } from '../domain/trust/check-approvals.js'
import { RELEASE_LIFE_SECONDS, requireRoleOutlives } from '../domain/trust/falling-due.js'
import { countApprovals } from './approvals-counted.js'
import { approvalLife, isClosed, requireApproverRole, signApproval } from './approval-signing.js'
import { bytesOf, ReleaseAnswer, ReleaseRowAnswer } from './api-answers.js'
import { listAll } from './api-list.js'
import { segment, type ConfirmOptions } from './command-shape.js'
import { findClassId } from './device-class.js'
import { describeCheckedEvidence } from './evidence-text.js'
import { describeFindings } from './findings-text.js'
import { hashDownload } from './firmware-bytes.js'
import { showPersonKey } from './person-key.js'
import { checkRelease, type CheckedRelease } from './release-check.js'
import { describeOrigin, requireFallback } from './release-fallback.js'
import { describeDifference, describeRelease, openEarlierEnvelope, type UNLISTED } from './release-difference.js'
import { printQuorum } from './quorum-text.js'
import { confirm, openKey, type KeyOptions, type Session } from './session.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/**
 * An approver's whole act: trust refreshed, bytes downloaded and hashed here, everything checked, shown, asked, signed; of a
 * release with a fallback both, in one act. Nothing is signed that a check did not see; a refusal leaves no trace at the server.
 */
export async function approveRelease(
  session: Session,
  id: string,
  options: KeyOptions & ConfirmOptions & { readonly role?: string },
): Promise<ReleaseAnswer> {
  const { world, api, output } = session
  const held = await session.refreshTrust()
  const policy = requirePolicy(held)
  const isWindowClosed = isClosed(policy, 'sign', world.clock.nowSeconds())
  const { keyId } = showPersonKey(options.key)
  const { person, role } = requireApproverRole(policy, keyId, 'sign', options.role, isWindowClosed)
  const release = await judge(session, held, id, person)
  const { fallbackId } = release.page
  const fallback = typeof fallbackId === 'string' ? await judge(session, held, fallbackId, person) : null
  const before = await findReleaseBefore(session, held, release.checked)
  await show(session, held, release)
  output.lines(describeDifference(before, release.checked.manifest))
  output.line()
  if (fallback !== null) await showFallback(session, held, release.checked, fallback)
  const roles = countApprovals(session, held, release.page.approvals, requestOf(release.page, release.checked))
  printQuorum(output, policy, 'sign', roles, world.clock.nowSeconds())
  output.line(`You sign as ${person}, in the role ${role}, under policy ${policy.version}.`)
  await confirm(world, options.yes, fallback === null ? 'Sign this?' : 'Sign both?')
  const { signer } = await openKey(world, options)
  const signedAt = world.clock.nowSeconds()
  const sign = async ({ page, checked }: Judged): Promise<string> =>
    toBase64Url(
      await signApproval(held, signer, requestOf(page, checked), role, approvalLife(policy, signedAt), signedAt),
    )
  const approval = await sign(release)
  const body = fallback === null ? { approval } : { approval, fallbackApproval: await sign(fallback) }
  return api.post(`/releases/${segment(id)}/approvals`, body, ReleaseAnswer)
}

/** A page, and what of it holds here. */
interface Judged {
  readonly page: ReleaseAnswer
  readonly checked: CheckedRelease
}

async function judge({ world, api }: Session, held: HeldTrust, id: string, person: string): Promise<Judged> {
  const page = await api.get(`/releases/${segment(id)}`, ReleaseAnswer)
  const image = await hashDownload(api, world.terminal, page.imageSha256, page.imageSizeBytes)
  const now = world.clock.nowSeconds()
  const checked = checkRelease(held, page, image, now)
  requireRoleOutlives(held.state, now + RELEASE_LIFE_SECONDS, now)
  if (checked.requester === person) throw new Refusal('APPROVER_IS_REQUESTER', { person })
  return { page, checked }
}

async function show({ api, output }: Session, held: HeldTrust, { page, checked }: Judged): Promise<void> {
  output.lines(describeRelease(checked, requirePolicy(held).namespace))
  // The server's word, unlike all of the above: shown as such, and nothing is signed that rests on it.
  output.lines(describeFindings(page['findings']).map((line) => `by the server  ${line}`))
  output.line()
  output.lines(await describeCheckedEvidence(api, held, toHex(checked.manifest.imageSha256)))
  output.line()
}

async function showFallback(
  session: Session,
  held: HeldTrust,
  release: CheckedRelease,
  fallback: Judged,
): Promise<void> {
  const { manifest } = fallback.checked
  requireFallback(release.manifest, manifest)
  session.output.line('FALLBACK: what devices are sent when this release fails. It is signed together with it.')
  await show(session, held, fallback)
  session.output.lines(describeDifference(release.manifest, manifest))
  session.output.line(await describeOrigin(session, held, manifest))
  session.output.line()
}

/** Everything from what was checked here; of the page only the request id, which the submission confirmed. */
const requestOf = (page: ReleaseAnswer, { manifest, manifestSha256, requester }: CheckedRelease): ApprovedRequest => ({
  operation: 'sign',
  subjectSha256: manifestSha256,
  requestId: page.requestId,
  image: {
    imageSha256: manifest.imageSha256,
    imageSizeBytes: manifest.imageSizeBytes,
    sequence: manifest.sequence,
    classId: manifest.classId,
    version: manifest.version,
  },
  requester,
})

/**
 * The signed release of this class with the highest sequence, its envelope verified here. The server can leave one out;
 * it cannot show one that was never signed.
 */
async function findReleaseBefore(
  session: Session,
  held: HeldTrust,
  checked: CheckedRelease,
): Promise<Manifest | typeof UNLISTED | null> {
  const rows = await listAll(session.api, '/releases', ReleaseRowAnswer)
  const best = rows.filter((row) => isSignedOf(row, checked.manifest.classId)).reduce(higher, null)
  if (best === null) return null
  const { envelope } = await session.api.get(`/releases/${segment(best.id)}`, ReleaseAnswer)
  return typeof envelope === 'string' ? openEarlierEnvelope(held.state, bytesOf(envelope)) : null
}

const higher = (best: ReleaseRowAnswer | null, row: ReleaseRowAnswer): ReleaseRowAnswer =>
  best === null || row.sequence > best.sequence ? row : best

function isSignedOf(row: ReleaseRowAnswer, classId: Uint8Array): boolean {
  const id = findClassId(row.classId)
  return (row.state === 'signed' || row.state === 'withdrawn') && id !== null && equalBytes(id, classId)
}
