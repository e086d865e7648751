import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { SignerNo } from '../signer-no.js'

/** Withdrawn is no state of the row: it is what the newest KRL says. */
export type StoredReleaseState = 'draft' | 'awaiting-approval' | 'signed' | 'rejected' | 'overtaken'
export interface Rejection {
  readonly person: string
  readonly reason: string
  readonly time: number
}

@Entity({ name: 'release' })
export class ReleaseRow {
  @PrimaryColumn('uuid') readonly id!: string
  @Column('text') readonly namespace!: string
  @Column('text', { name: 'request_id' }) readonly requestId!: string
  @Column('text') readonly state!: StoredReleaseState
  @Column('bigint') readonly sequence!: number
  @Column('text') readonly version!: string
  @Column('bytea', { name: 'class_id' }) readonly classId!: Uint8Array
  @Column('bytea', { name: 'image_sha256' }) readonly imageSha256!: Uint8Array
  @Column('bigint', { name: 'image_size_bytes' }) readonly imageSizeBytes!: number
  /** What gets signed. Kept as bytes and never encoded again. */
  @Column('bytea') readonly manifest!: Uint8Array
  /** SUIT digest of the manifest. */
  @Column('bytea', { name: 'manifest_sha256' }) readonly manifestSha256!: Uint8Array
  @Column('bytea', { name: 'manifest_text' }) readonly manifestText!: Uint8Array
  @Column('bytea', { nullable: true }) readonly envelope!: Uint8Array | null
  @Column('bigint', { name: 'policy_version' }) readonly policyVersion!: number
  @Column('bigint', { name: 'created_at' }) readonly createdAt!: number
  @Column('text', { name: 'created_by' }) readonly createdBy!: string
  @Column('bigint', { name: 'signed_at', nullable: true }) readonly signedAt!: number | null
  @Column('jsonb', { name: 'last_refusal', nullable: true }) readonly lastRefusal!: SignerNo | null
  @Column('jsonb', { nullable: true }) readonly rejection!: Rejection | null
  /** The release to roll forward to when this one fails: proposed, approved and signed together with it. */
  @Column('uuid', { name: 'fallback_id', nullable: true }) readonly fallbackId!: string | null
}
