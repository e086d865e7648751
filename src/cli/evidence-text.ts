import { z } from 'zod'
import { fromHex, sha256Hex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { openAttestation, type Attestation, type AttestationContext } from '../domain/evidence/attestation.js'
import { PROVENANCE_TYPE, readProvenance } from '../domain/evidence/provenance.js'
import { readTestResult, TEST_RESULT_TYPE } from '../domain/evidence/test-result.js'
import { Refusal } from '../domain/refusal.js'
import { revokedKeysOf } from '../domain/trust/trust-state.js'
import { listOf } from './api-answers.js'
import { ServerRefusal, type ApiClient } from './api-client.js'
import { segment } from './command-shape.js'
import { countText } from './quantity-text.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

const Fact = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])
export const EvidenceAnswer = z.looseObject({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  kind: z.enum(['sbom', 'provenance', 'test-report']),
  format: z.string(),
  namesImage: z.boolean(),
  facts: z.record(z.string(), Fact),
  addedBy: z.string(),
})
export type EvidenceAnswer = z.infer<typeof EvidenceAnswer>

const MAX_DOCUMENT_BYTES = 4_194_304
const titles = { provenance: 'provenance', sbom: 'SBOM', 'test-report': 'tests' } as const

/** What the server has that speaks for an image. It may leave things out; what is signed it cannot make up. */
export async function listEvidence(api: ApiClient, imageSha256: string): Promise<readonly EvidenceAnswer[]> {
  try {
    return (await api.get(`/firmware/${segment(imageSha256)}/evidence`, listOf(EvidenceAnswer))).items
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 404) return []
    throw error
  }
}

/** In words, as the server read it. */
export const describeEvidence = (rows: readonly EvidenceAnswer[]): string[] =>
  inOrder(rows, (row) => [`${saidText(row)}, as the server says`])

/**
 * In words, for somebody who decides: what is signed is fetched and verified here, under the policy held here.
 * @throws Refusal `DIGEST_MISMATCH` when a document is not the one it is called by.
 */
export async function describeCheckedEvidence(api: ApiClient, held: HeldTrust, imageSha256: string): Promise<string[]> {
  const rows = await listEvidence(api, imageSha256)
  const context = { policy: requirePolicy(held), revoked: revokedKeysOf(held.state), algorithms: nativeAlgorithms }
  const texts = new Map<string, string>()
  for (const row of rows) texts.set(row.id, await checkedText(api, row, imageSha256, context))
  return inOrder(rows, (row) => [texts.get(row.id) ?? ''])
}

/** Provenance, SBOM, tests; what there is none of is said too. */
function inOrder(rows: readonly EvidenceAnswer[], textOf: (row: EvidenceAnswer) => readonly string[]): string[] {
  return (['provenance', 'sbom', 'test-report'] as const).flatMap((kind) => {
    const texts = rows.filter((row) => row.kind === kind).flatMap(textOf)
    return (texts.length === 0 ? ['(none)'] : texts).map((text) => `${titles[kind].padEnd(12)}  ${text}`)
  })
}

async function checkedText(
  api: ApiClient,
  row: EvidenceAnswer,
  imageSha256: string,
  context: AttestationContext,
): Promise<string> {
  const isSigned = row.kind === 'provenance' || row.format.startsWith('in-toto')
  if (!isSigned) return `${saidText(row)}; nobody signed it, ${row.addedBy} brought it`
  const bytes = await fetchDocument(api, imageSha256, row.id)
  try {
    return signedText(openAttestation(bytes, fromHex(imageSha256), context))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return `DOES NOT HOLD under the policy held here: ${error.code}`
  }
}

async function fetchDocument(api: ApiClient, imageSha256: string, id: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const path = `/firmware/${segment(imageSha256)}/evidence/${id}`
  for await (const chunk of api.download(path, MAX_DOCUMENT_BYTES)) chunks.push(chunk)
  const bytes = new Uint8Array(Buffer.concat(chunks))
  const found = sha256Hex(bytes)
  if (found !== id) throw new Refusal('DIGEST_MISMATCH', { what: 'evidence', expected: id, found })
  return bytes
}

function signedText(attestation: Attestation): string {
  const signed = `signed with builder key ${attestation.keyId.slice(0, 16)}…, checked here`
  if (attestation.predicateType === PROVENANCE_TYPE) {
    const { builderId, sources } = readProvenance(attestation)
    const from = sources.length === 0 ? 'from sources it does not name' : `from ${sources.slice(0, 3).join(', ')}`
    return `built by ${builderId} ${from}; ${signed}`
  }
  if (attestation.predicateType !== TEST_RESULT_TYPE) return `DOES NOT HOLD: of type ${attestation.predicateType}`
  const { result, passed, failed, builder } = readTestResult(attestation)
  return `${result} by ${builder}: ${countText(passed)} passed, ${countText(failed)} failed; ${signed}`
}

/** What the server says that a document says. */
function saidText({ kind, format, namesImage, facts }: EvidenceAnswer): string {
  const about = namesImage ? 'it names this image' : 'it does not name the image'
  const text = (name: string): string => String(facts[name] ?? '?')
  if (kind === 'sbom') return `${format}, ${text('components')} components, ${about}`
  if (kind === 'provenance') return `${format}: built by ${text('builderId')}`
  return `${format} ${text('result')}: ${text('passed')} passed, ${text('failed')} failed, ${about}`
}
