import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { SignerNo } from '../signer-no.js'

export type KrlRequestState = 'awaiting-approval' | 'signed' | 'refused'

@Entity({ name: 'krl_request' })
export class KrlRequestRow {
  /** Also the request-id that approvals name. */
  @PrimaryColumn('uuid') readonly id!: string
  @Column('text') readonly namespace!: string
  @Column('bigint') readonly number!: number
  /** What gets signed, byte for byte. */
  @Column('bytea') readonly payload!: Uint8Array
  @Column('bytea', { name: 'subject_sha256' }) readonly subjectSha256!: Uint8Array
  @Column('text') readonly state!: KrlRequestState
  @Column('text', { name: 'created_by' }) readonly createdBy!: string
  @Column('bigint', { name: 'requested_ms' }) readonly requestedMs!: number
  @Column('bigint', { name: 'quorum_ms', nullable: true }) readonly quorumMs!: number | null
  @Column('bigint', { name: 'signed_ms', nullable: true }) readonly signedMs!: number | null
  @Column('bigint', { name: 'published_ms', nullable: true }) readonly publishedMs!: number | null
  @Column('jsonb', { name: 'last_refusal', nullable: true }) readonly lastRefusal!: SignerNo | null
}
