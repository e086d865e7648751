import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Refused reports are counted where every other refusal of devices is. Both tables have a row a code. */
export class JoinRefusalCounts1764000720000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await replaceProtocols(db, `'native', 'ddi', 'report'`)
    await db.query(`INSERT INTO device_refusal (namespace, protocol, kind, count, last_at)
      SELECT namespace, 'report', code, reports, last_at FROM refused_report`)
    await db.query(`DROP TABLE refused_report`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`CREATE TABLE refused_report (
      namespace text NOT NULL,
      code text NOT NULL,
      reports bigint NOT NULL,
      last_at bigint NOT NULL,
      PRIMARY KEY (namespace, code))`)
    await db.query(
      `INSERT INTO refused_report SELECT namespace, kind, count, last_at FROM device_refusal WHERE protocol = 'report'`,
    )
    await db.query(`DELETE FROM device_refusal WHERE protocol = 'report'`)
    await replaceProtocols(db, `'native', 'ddi'`)
  }
}

const replaceProtocols = (db: QueryRunner, names: string): Promise<unknown> =>
  db.query(`ALTER TABLE device_refusal DROP CONSTRAINT device_refusal_protocol_check,
    ADD CONSTRAINT device_refusal_protocol_check CHECK (protocol IN (${names}))`)
