import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { EvidenceFacts, EvidenceKind } from './evidence-kind.js'

@Entity({ name: 'evidence' })
export class EvidenceRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('bytea', { name: 'image_sha256' }) readonly imageSha256!: Uint8Array
  /** Of the document. */
  @PrimaryColumn('bytea') readonly sha256!: Uint8Array
  @Column('text') readonly kind!: EvidenceKind
  @Column('text') readonly format!: string
  /** Whether the document itself names the image by its digest; else only whoever brought it says so. */
  @Column('boolean', { name: 'names_image' }) readonly namesImage!: boolean
  @Column('jsonb') readonly facts!: EvidenceFacts
  /** The policy whose builder keys it was held against; null for what nobody signs. */
  @Column('bigint', { name: 'policy_version', nullable: true }) readonly policyVersion!: number | null
  /** As received: approvers verify it again. */
  @Column('bytea', { select: false }) readonly document!: Uint8Array
  @Column('bigint', { name: 'added_at' }) readonly addedAt!: number
  @Column('text', { name: 'added_by' }) readonly addedBy!: string
}
