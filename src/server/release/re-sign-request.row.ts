import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { SignerNo } from '../signer-no.js'

export type ReSignState = 'awaiting-approval' | 'signed'

@Entity({ name: 're_sign_request' })
export class ReSignRequestRow {
  /** Also the request-id that approvals name. */
  @PrimaryColumn('uuid') readonly id!: string
  @Column('text') readonly namespace!: string
  @Column('uuid', { name: 'release_id' }) readonly releaseId!: string
  @Column('text') readonly state!: ReSignState
  @Column('bigint', { name: 'created_at' }) readonly createdAt!: number
  @Column('text', { name: 'created_by' }) readonly createdBy!: string
  @Column('bigint', { name: 'signed_at', nullable: true }) readonly signedAt!: number | null
  @Column('jsonb', { name: 'last_refusal', nullable: true }) readonly lastRefusal!: SignerNo | null
}
