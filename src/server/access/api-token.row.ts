import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { ApiRole } from './roles.decorator.js'

@Entity({ name: 'api_token' })
export class ApiTokenRow {
  @PrimaryColumn('uuid') readonly id!: string
  @Column('text') readonly namespace!: string
  @Column('bytea', { name: 'secret_sha256' }) readonly secretSha256!: Uint8Array
  @Column('text') readonly label!: string
  @Column('text', { array: true }) readonly roles!: ApiRole[]
  /** Name in the policy; null for machines. */
  @Column('text', { nullable: true }) readonly person!: string | null
  @Column('bigint', { name: 'created_at' }) readonly createdAt!: number
  @Column('text', { name: 'created_by' }) readonly createdBy!: string
  @Column('bigint', { name: 'expires_at' }) readonly expiresAt!: number
  @Column('bigint', { name: 'revoked_at', nullable: true }) readonly revokedAt!: number | null
}
