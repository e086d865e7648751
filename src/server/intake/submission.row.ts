import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity({ name: 'submission' })
export class SubmissionRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('text', { name: 'request_id' }) readonly requestId!: string
  @Column('bytea', { name: 'image_sha256' }) readonly imageSha256!: Uint8Array
  @Column('text') readonly version!: string
  @Column('bytea', { name: 'class_id' }) readonly classId!: Uint8Array
  /** Who signed it, by the policy of that day. */
  @Column('text') readonly person!: string
  /** As received: approvers and the signer verify it again. */
  @Column('bytea') readonly document!: Uint8Array
  @Column('bigint', { name: 'signed_at' }) readonly signedAt!: number
  @Column('bigint', { name: 'received_at' }) readonly receivedAt!: number
}
