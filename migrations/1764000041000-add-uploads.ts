import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Uploads on their way, the digests of older device protocols, and the end of firmware that nothing needs. Adding columns locks
 * `firmware` for a moment; the index is built under that lock, well below a second for 100,000 rows.
 */
export class AddUploads1764000041000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE firmware
      ADD COLUMN sha1 bytea CHECK (octet_length(sha1) = 20),
      ADD COLUMN md5 bytea CHECK (octet_length(md5) = 16),
      ADD COLUMN used_at bigint,
      ADD COLUMN pruned_at bigint,
      ADD CONSTRAINT firmware_old_digests_whole CHECK ((sha1 IS NULL) = (md5 IS NULL))`)
    await db.query(`UPDATE firmware SET used_at = uploaded_at`)
    await db.query(`ALTER TABLE firmware ALTER COLUMN used_at SET NOT NULL`)
    // Bytes belong to all namespaces together.
    await db.query(`CREATE INDEX firmware_by_digest ON firmware (sha256) WHERE pruned_at IS NULL`)
    await db.query(`CREATE INDEX firmware_without_old_digests ON firmware (uploaded_at)
      WHERE sha1 IS NULL AND pruned_at IS NULL`)
    await db.query(`CREATE TABLE upload (
      id uuid PRIMARY KEY,
      namespace text NOT NULL,
      sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
      size_bytes bigint NOT NULL CHECK (size_bytes > 0),
      token_id uuid NOT NULL,
      actor text NOT NULL,
      created_at bigint NOT NULL,
      expires_at bigint NOT NULL,
      lease_holder text,
      lease_until timestamptz,
      is_lease_wanted boolean NOT NULL DEFAULT false,
      CONSTRAINT upload_lease_whole CHECK ((lease_holder IS NULL) = (lease_until IS NULL)))`)
    await db.query(`CREATE INDEX upload_by_namespace ON upload (namespace, created_at, id)`)
    await db.query(`CREATE INDEX upload_by_end ON upload (expires_at)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE upload`)
    await db.query(`DROP INDEX firmware_by_digest, firmware_without_old_digests`)
    await db.query(`ALTER TABLE firmware DROP COLUMN sha1, DROP COLUMN md5, DROP COLUMN used_at, DROP COLUMN pruned_at`)
  }
}
