import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { AuditDetail } from './audit-chain.js'

@Entity({ name: 'audit_entry' })
export class AuditEntryRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('bigint') readonly number!: number
  @Column('bigint') readonly at!: number
  @Column('text') readonly actor!: string
  @Column('text') readonly event!: string
  @Column('jsonb') readonly detail!: AuditDetail
  @Column('bytea', { name: 'previous_sha256' }) readonly previousSha256!: Uint8Array
  @Column('bytea') readonly sha256!: Uint8Array
}
