import { equalBytes, toHex } from '../../domain/bytes.js'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { Refusal } from '../../domain/refusal.js'
import { wrappedSha256 } from '../../domain/suit/digest.js'
import { parseManifest, type Manifest } from '../../domain/suit/manifest.js'
import { templateComponent } from '../../domain/suit/template.js'
import { parseText } from '../../domain/suit/text.js'
import { requireSubmissionFits } from '../../domain/trust/check-submission.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { Submission } from '../../domain/trust/submission.js'

const component = encodeCbor(templateComponent)

/** What the manifest is held against. */
export interface ManifestRequest {
  readonly manifest: Uint8Array
  readonly text: Uint8Array
  readonly requestId: string
}

/**
 * Check 7: the manifest is the template, byte for byte; its text is there and has the digest it names; vendor, class and
 * component are of this namespace; and it is about what the engineer submitted.
 * @throws Refusal `CBOR_*`, `MANIFEST_TEMPLATE`, `VERSION_MALFORMED`, `DIGEST_MISMATCH`, `WRONG_VENDOR`, `WRONG_CLASS`, `WRONG_COMPONENT`,
 *   `SUBMISSION_MISMATCH`.
 */
export function requireManifest(request: ManifestRequest, submission: Submission, policy: Policy): Manifest {
  const manifest = parseManifest(request.manifest)
  parseText(request.text)
  const found = wrappedSha256(request.text)
  if (!equalBytes(manifest.textSha256, found))
    throw new Refusal('DIGEST_MISMATCH', { what: 'text', expected: toHex(manifest.textSha256), found: toHex(found) })
  if (!equalBytes(manifest.vendorId, policy.vendorId))
    throw new Refusal('WRONG_VENDOR', { expected: toHex(policy.vendorId), found: toHex(manifest.vendorId) })
  const classId = toHex(manifest.classId)
  if (!policy.classes.has(classId))
    throw new Refusal('WRONG_CLASS', { expected: [...policy.classes.keys()].join(' or '), found: classId })
  if (!hasComponent(policy, classId)) throw new Refusal('WRONG_COMPONENT', { found: toHex(component) })
  requireSubmissionFits(submission, request.requestId, manifest)
  return manifest
}

/** The one component that the template knows must be one that the class has. */
const hasComponent = (policy: Policy, classId: string): boolean =>
  policy.classes.get(classId)?.some((id) => equalBytes(encodeCbor(id), component)) !== false
