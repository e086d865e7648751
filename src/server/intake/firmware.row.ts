import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity({ name: 'firmware' })
export class FirmwareRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('bytea') readonly sha256!: Uint8Array
  @Column('bigint', { name: 'size_bytes' }) readonly sizeBytes!: number
  @Column('bigint', { name: 'uploaded_at' }) readonly uploadedAt!: number
  @Column('text', { name: 'uploaded_by' }) readonly uploadedBy!: string
}
