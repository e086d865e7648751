import { Refusal } from '../refusal.js'
import type { Attestation } from './attestation.js'
import type { JsonFields } from './json-fields.js'

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'

/** How an image was built, as its builder says. */
export interface Provenance {
  readonly builderId: string
  readonly keyId: string
  readonly buildType: string
  /** Sources and other inputs, each with a digest where it has one. */
  readonly sources: readonly string[]
  readonly invocationId: string | null
  readonly finishedOn: string | null
}

const MOST_SOURCES = 20

/**
 * Reads SLSA provenance v1. A builder may speak for itself alone: its id must be the name that the policy gives its key.
 * @throws Refusal `EVIDENCE_MISMATCH`, `DOCUMENT_MALFORMED`. @see https://slsa.dev/spec/v1.0/provenance
 */
export function readProvenance({ predicate, keyId, builder }: Attestation): Provenance {
  const definition = predicate.object('buildDefinition')
  const details = predicate.object('runDetails')
  const builderId = details.object('builder').text('id')
  if (builderId !== builder.name)
    throw new Refusal('EVIDENCE_MISMATCH', { field: 'builder.id', expected: builder.name, found: builderId })
  const metadata = details.findObject('metadata')
  // What it was asked to build is part of every provenance (§ BuildDefinition), whatever stands in there.
  definition.object('externalParameters')
  const inputs = definition.has('resolvedDependencies') ? definition.objects('resolvedDependencies') : []
  return {
    builderId,
    keyId,
    buildType: definition.text('buildType'),
    sources: inputs.slice(0, MOST_SOURCES).map(sourceText),
    invocationId: metadata?.findText('invocationId') ?? null,
    finishedOn: metadata?.findText('finishedOn', 64) ?? null,
  }
}

const DIGESTS = ['gitCommit', 'sha1', 'sha256'] as const

function sourceText(input: JsonFields): string {
  const name = input.findText('uri') ?? input.findText('name') ?? 'unnamed'
  const digests = input.findObject('digest')
  const digest = digests && DIGESTS.map((kind) => digests.findText(kind, 128)).find((each) => each !== null)
  return digest === null || digest === undefined ? name : `${name} @ ${digest}`
}
