import { fromHex, toBase64Url } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { buildSign1 } from '../domain/cose/sign1.js'
import { openSubmission } from '../domain/trust/check-submission.js'
import { labelOf } from '../domain/trust/labels.js'
import { encodeSubmission } from '../domain/trust/submission.js'
import { revokedKeysOf } from '../domain/trust/trust-state.js'
import { SubmissionAnswer } from './api-answers.js'
import type { HashedImage } from './firmware-bytes.js'
import { openKey, type KeyOptions, type Session } from './session.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/** What an engineer vouches for. */
interface Submitted {
  /** As it was hashed on this machine. */
  readonly image: HashedImage
  readonly version: string
  readonly classId: Uint8Array
}

/** Signs for what was hashed here, and brings it to the server. @throws Refusal of `openOwnSubmission`. */
export async function signSubmission(
  session: Session,
  { image, version, classId }: Submitted,
  options: KeyOptions,
): Promise<{ person: string; answer: SubmissionAnswer }> {
  const { world } = session
  const { key, signer } = await openKey(world, options)
  const time = world.clock.nowSeconds()
  const submission = await buildSign1(
    signer,
    encodeSubmission({
      namespace: session.login.namespace,
      imageSha256: fromHex(image.sha256),
      imageSizeBytes: image.sizeBytes,
      version,
      classId,
      requestId: world.newId(),
      time,
    }),
    labelOf('submission'),
  )
  openOwnSubmission(session.store.load(), submission, time)
  const body = { submission: toBase64Url(submission) }
  const answer = await session.api.post(`/firmware/${image.sha256}/submissions`, body, SubmissionAnswer)
  return { person: key.person, answer }
}

/**
 * Holds one's own submission against the policy before it is sent, as server, approvers and signer will.
 * @throws Refusal `SUBMITTER_UNKNOWN`, `KEY_REVOKED`, `KEY_NOT_ACTIVE`, …
 */
function openOwnSubmission(held: HeldTrust, submission: Uint8Array, now: number): void {
  openSubmission(submission, {
    policy: requirePolicy(held),
    allowed: held.state.root.algorithms,
    revoked: revokedKeysOf(held.state),
    now,
    algorithms: nativeAlgorithms,
  })
}
