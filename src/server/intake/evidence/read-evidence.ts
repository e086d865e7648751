import { openAttestation, type AttestationContext } from '../../../domain/evidence/attestation.js'
import { PROVENANCE_TYPE, readProvenance } from '../../../domain/evidence/provenance.js'
import { readTestResult, TEST_RESULT_TYPE } from '../../../domain/evidence/test-result.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'
import { EvidenceThread } from './evidence-thread.js'

/** One for the process. */
const thread = new EvidenceThread()

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
  const found = await thread.read({ text: decode(bytes), imageSha256 })
  return found === 'attestation' ? readAttestation(bytes, imageSha256, await context()) : found
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
