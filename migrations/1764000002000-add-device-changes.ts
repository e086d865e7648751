import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Epochs of report counters, and the nonce a device signs to begin one or to change its key. Adding columns locks `device`
 * for a moment; the index is built under that lock, about a second for each million devices.
 */
export class AddDeviceChanges1764000002000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE device
      ADD COLUMN counter_epoch bigint NOT NULL DEFAULT 1,
      ADD COLUMN change_nonce bytea CHECK (octet_length(change_nonce) = 32),
      ADD COLUMN change_epoch bigint,
      ADD COLUMN change_expires bigint,
      ADD CONSTRAINT device_change_whole
        CHECK ((change_nonce IS NULL) = (change_epoch IS NULL) AND (change_nonce IS NULL) = (change_expires IS NULL))`)
    await db.query(`UPDATE device SET counter_epoch = report_epoch WHERE report_epoch > 1`)
    // One key is one device, also after it changed.
    await db.query(`CREATE UNIQUE INDEX device_key_once ON device (namespace, public_key)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP INDEX device_key_once`)
    await db.query(`ALTER TABLE device DROP COLUMN counter_epoch, DROP COLUMN change_nonce, DROP COLUMN change_epoch,
      DROP COLUMN change_expires`)
  }
}
