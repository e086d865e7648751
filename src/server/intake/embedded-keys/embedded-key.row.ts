import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { EmbeddedKeyKind } from './embedded-keys.port.js'

@Entity({ name: 'embedded_key' })
export class EmbeddedKeyRow {
  @PrimaryColumn('text') readonly namespace!: string
  /** SHA-256 of `der`. */
  @PrimaryColumn('bytea') readonly sha256!: Uint8Array
  @Column('text') readonly kind!: EmbeddedKeyKind
  @Column('bytea') readonly der!: Uint8Array
  @Column('text') readonly label!: string
  @Column('bigint', { name: 'registered_at' }) readonly registeredAt!: number
  @Column('text', { name: 'registered_by' }) readonly registeredBy!: string
}
