import { toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { algorithmOf } from '../cose/algorithms.js'
import { p256FromDer } from '../cose/ecdsa-der.js'
import { Refusal } from '../refusal.js'
import type { Builder, Policy } from '../trust/policy.js'
import { parseDsse, preAuthEncoding, type DsseEnvelope } from './dsse.js'
import { JsonFields } from './json-fields.js'

const IN_TOTO = 'application/vnd.in-toto+json'
const STATEMENT = 'https://in-toto.io/Statement/v1'

/** An in-toto statement v1 whose signature a builder of the policy made, about one image. */
export interface Attestation {
  readonly predicateType: string
  readonly predicate: JsonFields
  readonly keyId: string
  readonly builder: Builder
}

export interface AttestationContext {
  readonly policy: Policy
  /** Hex key ids that the KRL revokes. */
  readonly revoked: ReadonlyMap<string, unknown>
  readonly algorithms: AlgorithmTable
}

/**
 * Opens a DSSE envelope with an in-toto statement about an image. Signature first, then the statement.
 * @throws Refusal `KEY_UNKNOWN` when no key of the policy's builders made a signature, `KEY_REVOKED`, `EVIDENCE_MISMATCH` when it is
 *   about something else, `DOCUMENT_MALFORMED`.
 * @see https://github.com/in-toto/attestation/tree/main/spec/v1
 */
export function openAttestation(bytes: Uint8Array, imageSha256: Uint8Array, context: AttestationContext): Attestation {
  const envelope = parseDsse(bytes)
  if (envelope.payloadType !== IN_TOTO)
    throw new Refusal('EVIDENCE_MISMATCH', { field: 'payloadType', expected: IN_TOTO, found: envelope.payloadType })
  const [keyId, builder] = requireBuilder(envelope, context)
  const statement = JsonFields.parse('in-toto statement', envelope.payload)
  const type = statement.text('_type')
  if (type !== STATEMENT) throw new Refusal('EVIDENCE_MISMATCH', { field: '_type', expected: STATEMENT, found: type })
  requireSubject(statement, toHex(imageSha256))
  const predicateType = statement.text('predicateType')
  return { predicateType, predicate: statement.object('predicate'), keyId, builder }
}

/** The first builder whose signature holds. What an envelope says of its keys is not asked. */
function requireBuilder(envelope: DsseEnvelope, context: AttestationContext): readonly [string, Builder] {
  const message = preAuthEncoding(envelope)
  for (const [keyId, builder] of context.policy.builders ?? [])
    if (envelope.signatures.some(({ signature }) => isSignedBy(builder, message, signature, context.algorithms))) {
      if (context.revoked.has(keyId)) throw new Refusal('KEY_REVOKED', { keyId })
      return [keyId, builder]
    }
  const claimed = envelope.signatures.map((each) => each.keyId.slice(0, 64)).join(' ')
  throw new Refusal('KEY_UNKNOWN', { keyId: claimed, role: 'builder' })
}

function isSignedBy({ key }: Builder, message: Uint8Array, signature: Uint8Array, algorithms: AlgorithmTable): boolean {
  // Tools that make these write ECDSA signatures as DER; COSE has R and S alone.
  const raw = key.kind === 'p256' ? p256FromDer(signature) : signature
  return raw !== null && algorithms.get(algorithmOf(key))?.verify(key, message, raw) === true
}

function requireSubject(statement: JsonFields, expected: string): void {
  const found = statement.objects('subject').map((row) => row.object('digest').findText('sha256', 64) ?? '')
  if (found.length === 0) throw statement.refusal('subject', 'empty')
  if (found.some((digest) => digest.toLowerCase() === expected)) return
  throw new Refusal('EVIDENCE_MISMATCH', { field: 'subject', expected, found: found.slice(0, 4).join(' ') })
}
