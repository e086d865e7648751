import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Certificates of devices, of the authorities that issue them, and the key changes that lead from a device's name to its key of today.
 * New tables, and one column without a default: writers wait for moments.
 */
export class CreateDeviceCertificates1764000500002 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE device ADD COLUMN decommissioned_at bigint`)
    await db.query(`CREATE TABLE device_authority (
      namespace text NOT NULL,
      key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
      certificate bytea NOT NULL,
      not_after bigint NOT NULL,
      PRIMARY KEY (namespace, key_id))`)
    await db.query(`CREATE TABLE device_certificate (
      namespace text NOT NULL,
      serial text NOT NULL,
      device_id text NOT NULL,
      tls_key_sha256 bytea NOT NULL CHECK (octet_length(tls_key_sha256) = 32),
      certificate bytea NOT NULL,
      issued_at bigint NOT NULL,
      not_after bigint NOT NULL,
      PRIMARY KEY (namespace, serial),
      FOREIGN KEY (namespace, device_id) REFERENCES device (namespace, id))`)
    await db.query(`CREATE INDEX device_certificate_by_device ON device_certificate (namespace, device_id, issued_at)`)
    await db.query(`CREATE INDEX device_certificate_by_key ON device_certificate (namespace, tls_key_sha256)`)
    await db.query(`CREATE TABLE device_key_change (
      namespace text NOT NULL,
      device_id text NOT NULL,
      number smallint NOT NULL,
      document bytea NOT NULL,
      PRIMARY KEY (namespace, device_id, number),
      FOREIGN KEY (namespace, device_id) REFERENCES device (namespace, id))`)
    // What was issued and signed stays as it was.
    await db.query(`REVOKE UPDATE, DELETE ON device_key_change FROM countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE device_key_change, device_certificate, device_authority`)
    await db.query(`ALTER TABLE device DROP COLUMN decommissioned_at`)
  }
}
