import { Column, Entity, PrimaryColumn } from 'typeorm'

/** An upload that was begun. How much of it is here, the store knows. Who works on it stands in columns of the lease. */
@Entity({ name: 'upload' })
export class UploadRow {
  @PrimaryColumn('uuid') readonly id!: string
  @Column('text') readonly namespace!: string
  @Column('bytea') readonly sha256!: Uint8Array
  @Column('bigint', { name: 'size_bytes' }) readonly sizeBytes!: number
  @Column('uuid', { name: 'token_id' }) readonly tokenId!: string
  /** A person, or the label of a token. */
  @Column('text') readonly actor!: string
  @Column('bigint', { name: 'created_at' }) readonly createdAt!: number
  @Column('bigint', { name: 'expires_at' }) readonly expiresAt!: number
}
