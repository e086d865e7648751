import { openAttestation, type AttestationContext } from '../../../domain/evidence/attestation.js'
import { PROVENANCE_TYPE, readProvenance } from '../../../domain/evidence/provenance.js'
import { readTestResult, TEST_RESULT_TYPE } from '../../../domain/evidence/test-result.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'
import { readCycloneDx } from './cyclonedx.js'
import { readJunit } from './junit.js'
import { readSpdx } from './spdx.js'

/**
 * Recognises a document by its content, validates it, and holds it against the image. One that names another image is refused;
 * what is signed must be signed by a builder of the policy.
 * @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`, and of `openAttestation`.
 */
export async function readEvidence(
  bytes: Uint8Array,
  imageSha256: Uint8Array,
  context: () => Promise<AttestationContext>,
): Promise<Evidence> {
  const text = decode(bytes)
  if (text.trimStart().startsWith('<')) return readJunit(text)
  const json = parseJson(text)
  if ('payloadType' in json) return readAttestation(bytes, imageSha256, await context())
  if (json['bomFormat'] === 'CycloneDX') return readCycloneDx(text, json, imageSha256)
  if (typeof json['spdxVersion'] === 'string') return readSpdx(json, imageSha256)
  throw unknown
}

function readAttestation(bytes: Uint8Array, imageSha256: Uint8Array, context: AttestationContext): Evidence {
  const attestation = openAttestation(bytes, imageSha256, context)
  if (attestation.predicateType === PROVENANCE_TYPE) {
    const facts = { ...readProvenance(attestation) }
    return { kind: 'provenance', format: 'SLSA provenance v1', namesImage: true, facts }
  }
  if (attestation.predicateType === TEST_RESULT_TYPE) {
    const facts = { ...readTestResult(attestation) }
    return { kind: 'test-report', format: 'in-toto test-result v0.1', namesImage: true, facts }
  }
  const expected = `${PROVENANCE_TYPE} or ${TEST_RESULT_TYPE}`
  throw new Refusal('EVIDENCE_MISMATCH', { field: 'predicateType', expected, found: attestation.predicateType })
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Refusal('EVIDENCE_MALFORMED', { format: 'text', at: '', why: 'not UTF-8' }, { cause: error })
  }
}

const unknown = new Refusal('EVIDENCE_MALFORMED', {
  format: 'unknown',
  at: '',
  why: 'neither CycloneDX nor SPDX as JSON, neither a DSSE envelope nor JUnit XML',
})

function parseJson(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Refusal('EVIDENCE_MALFORMED', { ...unknown.detail, why: 'neither JSON nor XML' }, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unknown
  return value as Record<string, unknown>
}
