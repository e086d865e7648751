import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity({ name: 'firmware' })
export class FirmwareRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('bytea') readonly sha256!: Uint8Array
  @Column('bigint', { name: 'size_bytes' }) readonly sizeBytes!: number
  @Column('bigint', { name: 'uploaded_at' }) readonly uploadedAt!: number
  @Column('text', { name: 'uploaded_by' }) readonly uploadedBy!: string
  /** For device protocols that know nothing better; null until they are worked out. */
  @Column('bytea', { nullable: true }) readonly sha1!: Uint8Array | null
  @Column('bytea', { nullable: true }) readonly md5!: Uint8Array | null
  /** When it was last uploaded, submitted or made a release of. */
  @Column('bigint', { name: 'used_at' }) readonly usedAt!: number
  /** When its bytes were given up; null while they are here. */
  @Column('bigint', { name: 'pruned_at', nullable: true }) readonly prunedAt!: number | null
}
