import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Under which name server instances share reports at the broker: drawn once, known to nobody else. Locks nothing that is there. */
export class NameReportGroup1764001400000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`
      CREATE TABLE report_group (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        name text NOT NULL CHECK (name ~ '^[A-Za-z0-9_-]{22,}$')
      )`)
    await db.query(`REVOKE UPDATE, DELETE ON report_group FROM countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE report_group`)
  }
}
