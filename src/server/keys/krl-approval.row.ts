import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { Operation } from '../../domain/trust/roles.js'

@Entity({ name: 'krl_approval' })
export class KrlApprovalRow {
  @PrimaryColumn('uuid', { name: 'krl_request_id' }) readonly krlRequestId!: string
  @PrimaryColumn('text') readonly person!: string
  @Column('text') readonly role!: string
  @Column('text') readonly operation!: Operation
  @Column('bytea', { name: 'key_id' }) readonly keyId!: Uint8Array
  @Column('bytea') readonly document!: Uint8Array
  @Column('bigint', { name: 'received_at' }) readonly receivedAt!: number
}
