export type EvidenceKind = 'sbom' | 'provenance' | 'test-report'
export type EvidenceFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** What a document turned out to be. */
export interface Evidence {
  readonly kind: EvidenceKind
  /** `CycloneDX 1.6`, `SPDX 2.3`, `SLSA provenance v1`, `in-toto test-result v0.1`, `JUnit`. */
  readonly format: string
  /** Whether the document itself names the image by its digest. */
  readonly namesImage: boolean
  readonly facts: EvidenceFacts
}
