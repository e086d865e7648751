import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity({ name: 'firmware_finding' })
export class FindingRow {
  @PrimaryColumn('text') readonly namespace!: string
  @PrimaryColumn('bytea') readonly sha256!: Uint8Array
  /** Which inspector with which keys found it. */
  @Column('bytea', { name: 'judged_by' }) readonly judgedBy!: Uint8Array
  @Column('jsonb') readonly findings!: object
  @Column('bigint', { name: 'inspected_at' }) readonly inspectedAt!: number
}
