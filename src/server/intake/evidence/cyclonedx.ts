import { Spec } from '@cyclonedx/cyclonedx-library'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'
import { findSchemaIssue } from './cyclonedx-schema.js'
import { judgeSubject } from './subject-digest.js'

const versions = [
  Spec.Version.v1dot2,
  Spec.Version.v1dot3,
  Spec.Version.v1dot4,
  Spec.Version.v1dot5,
  Spec.Version.v1dot6,
  Spec.Version.v1dot7,
]

interface Bom {
  readonly components?: readonly unknown[]
  readonly metadata?: { readonly component?: { readonly name?: string; readonly hashes?: readonly Hash[] } }
}
interface Hash {
  readonly alg: string
  readonly content: string
}

/**
 * A CycloneDX SBOM, valid under the strict schema of its version. Its subject is `metadata.component`: when that has digests, they
 * are the image's.
 * @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`. @see https://cyclonedx.org/docs/latest/json/
 */
export function readCycloneDx(json: Readonly<Record<string, unknown>>, imageSha256: Uint8Array): Evidence {
  const version = versions.find((each) => each === json['specVersion'])
  const format = 'CycloneDX'
  if (version === undefined) {
    const why = `not one of ${versions.join(', ')}`
    throw new Refusal('EVIDENCE_MALFORMED', { format, at: 'specVersion', why })
  }
  const issue = findSchemaIssue(version, json)
  if (issue !== null) throw new Refusal('EVIDENCE_MALFORMED', { format, ...issue })
  const bom: Bom = json
  const subject = bom.metadata?.component
  const written = (subject?.hashes ?? []).map(({ alg: algorithm, content: value }) => ({ algorithm, value }))
  return {
    kind: 'sbom',
    format: `${format} ${version}`,
    ...judgeSubject(written, imageSha256, 'metadata.component.hashes'),
    facts: { subject: subject?.name ?? null, components: bom.components?.length ?? 0 },
  }
}
