export type EvidenceKind = 'sbom' | 'provenance' | 'test-report'
export type EvidenceFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** Digests of what a document is about, by an algorithm that firmware is not named by: whoever has the bytes compares them. */
export interface OtherDigests {
  /** Where they stand in the document. */
  readonly field: string
  readonly algorithm: 'sha384' | 'sha512'
  readonly digests: readonly string[]
}

/** What a document turned out to be. */
export interface Evidence {
  readonly kind: EvidenceKind
  /** `CycloneDX 1.6`, `SPDX 2.3`, `SLSA provenance v1`, `in-toto test-result v0.1`, `JUnit`. */
  readonly format: string
  /** Whether the document itself names the image by its digest. */
  readonly namesImage: boolean
  /** Only where it has no SHA-256 and therefore is not held against the image yet. */
  readonly otherDigests?: OtherDigests
  readonly facts: EvidenceFacts
}
