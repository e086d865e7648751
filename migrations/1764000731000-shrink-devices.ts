import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Indexes hold digests of keys and credentials instead of the keys and credentials: a third of the room. Which key is whose is still
 * decided by one write, now for a digest of 16 bytes of SHA-256 over namespace and key.
 */
export class ShrinkDevices1764000731000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE FUNCTION device_key_digest(namespace text, public_key bytea) RETURNS uuid
      LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT encode(substr(sha256(decode(namespace || ' ', 'escape') || public_key), 1, 16), 'hex')::uuid $$`)
    await db.query(`DROP INDEX device_key_once`)
    await db.query(`CREATE UNIQUE INDEX device_key_once ON device (device_key_digest(namespace, public_key))`)
    await db.query(`ALTER TABLE device DROP CONSTRAINT device_credential_once,
      ADD CONSTRAINT device_credential_once EXCLUDE USING hash (credential_sha256 WITH =)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE device DROP CONSTRAINT device_credential_once,
      ADD CONSTRAINT device_credential_once UNIQUE (credential_sha256)`)
    await db.query(`DROP INDEX device_key_once`)
    await db.query(`CREATE UNIQUE INDEX device_key_once ON device (namespace, public_key)`)
    await db.query(`DROP FUNCTION device_key_digest`)
  }
}
