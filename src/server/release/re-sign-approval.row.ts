import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity({ name: 're_sign_approval' })
export class ReSignApprovalRow {
  @PrimaryColumn('uuid', { name: 're_sign_request_id' }) readonly reSignRequestId!: string
  @PrimaryColumn('text') readonly person!: string
  @Column('text') readonly role!: string
  @Column('bytea', { name: 'key_id' }) readonly keyId!: Uint8Array
  @Column('bytea') readonly document!: Uint8Array
  @Column('bigint', { name: 'received_at' }) readonly receivedAt!: number
}
