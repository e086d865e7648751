import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The answer to a poll of our own protocol carries the counter of the last report: the feed of `device_news` tells when it grows.
 * Replaces one trigger; writers wait for a moment.
 */
export class TellOfReports1764000500004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`DROP TRIGGER device_news ON device`)
    await makeTrigger(db, [...before, 'report_epoch', 'report_counter', 'counter_epoch', 'decommissioned_at'])
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TRIGGER device_news ON device`)
    await makeTrigger(db, before)
  }
}

const before = ['class_id', 'credential_sha256', 'attributes', 'tags', 'groups', 'version_key']

async function makeTrigger(db: QueryRunner, columns: readonly string[]): Promise<void> {
  const changed = columns.map((column) => `OLD.${column} IS DISTINCT FROM NEW.${column}`).join(' OR ')
  await db.query(`CREATE TRIGGER device_news AFTER UPDATE OF ${columns.join(', ')} ON device
    FOR EACH ROW WHEN (${changed}) EXECUTE FUNCTION device_news()`)
}
