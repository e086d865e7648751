import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Public keys that sign inside images. A new table only: nothing is locked. */
export class CreateEmbeddedKeys1764000040000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE embedded_key (
      namespace text NOT NULL,
      sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
      kind text NOT NULL CHECK (kind IN ('ed25519', 'ecdsa-p256', 'ecdsa-p384', 'rsa', 'x509-ca')),
      der bytea NOT NULL CHECK (octet_length(der) > 0),
      label text NOT NULL,
      registered_at bigint NOT NULL,
      registered_by text NOT NULL,
      PRIMARY KEY (namespace, sha256))`)
    // Registered or removed, never changed.
    await db.query(`REVOKE UPDATE ON embedded_key FROM countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE embedded_key`)
  }
}
