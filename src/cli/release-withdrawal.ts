import { toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { manifestSha256 } from '../domain/suit/envelope.js'
import { bytesOf, ReleaseAnswer, type KrlRequestAnswer } from './api-answers.js'
import { segment, type ConfirmOptions } from './command-shape.js'
import { proposeKrl } from './krl-approval.js'
import { openSignedEnvelope } from './signed-envelope.js'
import type { KeyOptions, Session } from './session.js'

/**
 * Takes a signed release back: its digest, computed here from the manifest, goes into the next revocation list, which the quorum
 * of every list approves. A device that has the list never installs the release again.
 * @throws Refusal `STATE` for a release that nobody signed, `DIGEST_MISMATCH` when the page does not fit its own bytes.
 */
export async function withdrawRelease(
  session: Session,
  id: string,
  options: KeyOptions & ConfirmOptions & { readonly role?: string; readonly reason: number },
): Promise<KrlRequestAnswer> {
  const { api, output } = session
  const held = await session.refreshTrust()
  const page = await api.get(`/releases/${segment(id)}`, ReleaseAnswer)
  if (typeof page.envelope !== 'string')
    throw new Refusal('STATE', { what: 'release', state: page.state, wanted: 'signed' })
  const { manifest, manifestSha256: signed } = openSignedEnvelope(held.state, bytesOf(page.envelope))
  const digest = toHex(manifestSha256(bytesOf(page.manifest)))
  // The wrong digest would leave the bad release on the shelf, and take a good one off it.
  for (const found of [toHex(signed), page.manifestSha256])
    if (found !== digest) throw new Refusal('DIGEST_MISMATCH', { what: 'manifest', expected: digest, found })
  if (held.state.krl?.manifests.has(digest) === true)
    throw new Refusal('STATE', { what: 'release', state: 'withdrawn', wanted: 'signed' })
  output.line(`takes back version ${manifest.version}, sequence ${manifest.sequence}`)
  return proposeKrl(session, held, { manifests: [{ digest, reason: options.reason }] }, options)
}
