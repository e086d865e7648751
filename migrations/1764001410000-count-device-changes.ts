import type { MigrationInterface, QueryRunner } from 'typeorm'

/** How often a device began a counter epoch or changed its key lately. Locks the list of duplicates for a moment. */
export class CountDeviceChanges1764001410000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`
      CREATE TABLE device_change_count (
        namespace text NOT NULL,
        device_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('epoch', 'key')),
        since bigint NOT NULL,
        times integer NOT NULL,
        PRIMARY KEY (namespace, device_id, kind)
      )`)
    await db.query(`REVOKE DELETE ON device_change_count FROM countersign_server`)
    await db.query(`ALTER TABLE device_duplicate DROP CONSTRAINT device_duplicate_kind_check`)
    await db.query(`
      ALTER TABLE device_duplicate ADD CONSTRAINT device_duplicate_kind_check CHECK (kind IN ('counter', 'epoch', 'key', 'tls-key'))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE device_duplicate DROP CONSTRAINT device_duplicate_kind_check`)
    await db.query(`DELETE FROM device_duplicate WHERE kind = 'epoch'`)
    await db.query(`
      ALTER TABLE device_duplicate ADD CONSTRAINT device_duplicate_kind_check CHECK (kind IN ('counter', 'key', 'tls-key'))`)
    await db.query(`DROP TABLE device_change_count`)
  }
}
