import { equalBytes, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import type { Manifest } from '../domain/suit/manifest.js'
import { bytesOf, ReleaseAnswer, ReleaseRowAnswer } from './api-answers.js'
import { listAll } from './api-list.js'
import { segment } from './command-shape.js'
import { hashDownload, requireImage } from './firmware-bytes.js'
import { checkSignedRelease } from './release-check.js'
import type { KeyOptions, Session } from './session.js'
import { openSignedEnvelope } from './signed-envelope.js'
import { signSubmission } from './submission.js'
import type { HeldTrust } from './trust-store.js'

/**
 * An engineer submits the image of an earlier release once more, to be the fallback of a new one: its bytes are hashed here, and
 * its version is the one that was signed. @returns the request id.
 * @throws Refusal `STATE` when it is not signed, `SIGNATURE_MISSING`, `MANIFEST_REVOKED`, `ROLLBACK`, `IMAGE_MISMATCH`, …
 */
export async function submitFallback(session: Session, releaseId: string, options: KeyOptions): Promise<string> {
  const { world, api, output } = session
  const held = await session.refreshTrust()
  const page = await api.get(`/releases/${segment(releaseId)}`, ReleaseAnswer)
  const { manifest, signedBy } = checkSignedRelease(held, page)
  // Nobody can tell who signed it: the root lists none of its keys any more.
  if (signedBy === null) throw new Refusal('SIGNATURE_MISSING', { role: 'manifest-a' })
  const { version, classId, imageSizeBytes } = manifest
  const sha256 = toHex(manifest.imageSha256)
  const image = await hashDownload(api, world.terminal, sha256, imageSizeBytes)
  requireImage(image, { sha256, sizeBytes: imageSizeBytes })
  const { person, answer } = await signSubmission(session, { image, version, classId }, options)
  output.line(`submitted as ${person}, to fall back to: version ${version}, sha256 ${sha256}`)
  return answer.requestId
}

/** A fallback goes forward in sequence to another image of the same class. @throws Refusal `FALLBACK_MISMATCH`. */
export function requireFallback(release: Manifest, fallback: Manifest): void {
  const no = (field: string): Refusal => new Refusal('FALLBACK_MISMATCH', { field })
  if (!equalBytes(release.classId, fallback.classId)) throw no('classId')
  if (fallback.sequence <= release.sequence) throw no('sequence')
  if (equalBytes(release.imageSha256, fallback.imageSha256)) throw no('imageSha256')
}

/** Which signed release the fallback's image is of, as its envelope says that was verified here. */
export async function describeOrigin({ api }: Session, held: HeldTrust, fallback: Manifest): Promise<string> {
  const rows = await listAll(api, '/releases', ReleaseRowAnswer)
  const sha256 = toHex(fallback.imageSha256)
  for (const row of rows.filter((each) => each.state === 'signed' && each['imageSha256'] === sha256)) {
    const { envelope } = await api.get(`/releases/${segment(row.id)}`, ReleaseAnswer)
    if (typeof envelope !== 'string') continue
    const { manifest, signedBy } = openSignedEnvelope(held.state, bytesOf(envelope))
    const isSame = equalBytes(manifest.imageSha256, fallback.imageSha256) && manifest.version === fallback.version
    if (signedBy !== null && isSame)
      return `Its image was signed before, as version ${manifest.version}, sequence ${manifest.sequence}.`
  }
  return 'NOT KNOWN HERE: no signed release with this image and version could be verified.'
}
