import { equalBytes, toHex } from '../domain/bytes.js'
import { formatUuid } from '../domain/suit/identifiers.js'
import type { Manifest } from '../domain/suit/manifest.js'
import { compareVersions } from '../domain/suit/version.js'
import type { TrustState } from '../domain/trust/trust-state.js'
import { countText, fingerprintText, sizeText } from './quantity-text.js'
import type { CheckedRelease } from './release-check.js'
import { openSignedEnvelope } from './signed-envelope.js'

/** The release before is there, and nothing can be said about it: the root lists its keys no more. */
export const UNLISTED = 'unlisted'

/** The manifest of an earlier envelope, to compare with. @returns `UNLISTED` when all its keys left the root, as after a compromise. */
export function openEarlierEnvelope(state: TrustState, bytes: Uint8Array): Manifest | typeof UNLISTED {
  const { manifest, signedBy } = openSignedEnvelope(state, bytes)
  return signedBy === null ? UNLISTED : manifest
}

/** What will be signed, in words and digits, for a person to read. */
export function describeRelease(checked: CheckedRelease, namespace: string): string[] {
  const { manifest, submission } = checked
  return [
    `namespace     ${namespace}`,
    `class         ${formatUuid(manifest.classId)}`,
    `version       ${manifest.version}`,
    `sequence      ${manifest.sequence}`,
    `image         ${sizeText(manifest.imageSizeBytes)}, downloaded and hashed here`,
    `image sha256  ${fingerprintText(toHex(manifest.imageSha256))}`,
    `submitted by  ${checked.requester}, request ${submission.requestId}`,
    `description   ${checked.description === '' ? '(none)' : checked.description}`,
    `SUIT digest   ${fingerprintText(toHex(checked.manifestSha256))}`,
  ]
}

/** The difference to the release before, one sentence a line. */
export function describeDifference(before: Manifest | typeof UNLISTED | null, after: Manifest): string[] {
  if (before === null) return ['There is no signed release of this class before it.']
  if (before === UNLISTED)
    return ['The release before it was signed by keys that the root no longer lists: nothing is compared with it.']
  const lines = [versionSentence(before.version, after.version)]
  const step = after.sequence - before.sequence
  lines.push(
    step > 0
      ? `The sequence goes from ${before.sequence} to ${after.sequence}.`
      : `The sequence does not go up: ${before.sequence} before, ${after.sequence} now. Devices will refuse it.`,
  )
  if (equalBytes(before.imageSha256, after.imageSha256)) return [...lines, 'The image is the same, byte for byte.']
  const growth = after.imageSizeBytes - before.imageSizeBytes
  const size =
    growth === 0 ? 'of the same size' : `${countText(Math.abs(growth))} bytes ${growth > 0 ? 'larger' : 'smaller'}`
  return [...lines, `The image is another one, ${size}.`]
}

function versionSentence(before: string, after: string): string {
  const order = compareVersions(after, before)
  if (order === 0) return `The version stays ${after}.`
  return order > 0
    ? `The version goes up from ${before} to ${after}.`
    : `The version goes DOWN from ${before} to ${after}: this is a rollback.`
}
