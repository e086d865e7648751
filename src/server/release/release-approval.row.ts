import { Column, Entity, PrimaryColumn } from 'typeorm'

/** Belongs to one manifest: a renewed release starts without approvals, and the old ones stay on record. */
@Entity({ name: 'release_approval' })
export class ReleaseApprovalRow {
  @PrimaryColumn('uuid', { name: 'release_id' }) readonly releaseId!: string
  @PrimaryColumn('bytea', { name: 'manifest_sha256' }) readonly manifestSha256!: Uint8Array
  @PrimaryColumn('text') readonly person!: string
  @Column('text') readonly role!: string
  @Column('bytea', { name: 'key_id' }) readonly keyId!: Uint8Array
  @Column('bytea') readonly document!: Uint8Array
  @Column('bigint', { name: 'received_at' }) readonly receivedAt!: number
}
