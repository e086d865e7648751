import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which notices of something falling due were given: each once, by whichever instance. A new table only: nothing is locked for long. */
export class CreateDueNotice1764000300001 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE due_notice (
      namespace text NOT NULL,
      what text NOT NULL,
      due_at bigint NOT NULL,
      days smallint NOT NULL CHECK (days > 0),
      noticed_at bigint NOT NULL,
      CONSTRAINT due_notice_once PRIMARY KEY (namespace, what, due_at, days))`)
    await db.query(`REVOKE UPDATE, DELETE ON due_notice FROM countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE due_notice`)
  }
}
