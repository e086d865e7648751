import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Keys that may enrol without a token, and devices that share one identity. New tables only: nothing is locked for long. */
export class CreateDeviceRegistry1764000500003 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE device_registration (
      namespace text NOT NULL,
      key_id text NOT NULL CHECK (key_id ~ '^[0-9a-f]{64}$'),
      class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
      attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
      registered_at bigint NOT NULL,
      registered_by text NOT NULL,
      PRIMARY KEY (namespace, key_id))`)
    await db.query(`CREATE TABLE device_duplicate (
      namespace text NOT NULL,
      device_id text NOT NULL,
      kind text NOT NULL CHECK (kind IN ('counter', 'key', 'tls-key')),
      detail text NOT NULL,
      times bigint NOT NULL DEFAULT 1,
      first_at bigint NOT NULL,
      last_at bigint NOT NULL,
      PRIMARY KEY (namespace, device_id, kind))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE device_duplicate, device_registration`)
  }
}
