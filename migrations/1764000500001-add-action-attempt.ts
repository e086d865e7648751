import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which attempt of a deployment an action is about. A column with a constant default: writers wait for moments. */
export class AddActionAttempt1764000500001 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE ddi_action ADD COLUMN attempt smallint NOT NULL DEFAULT 1`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE ddi_action DROP COLUMN attempt`)
  }
}
