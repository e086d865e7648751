import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Clients that say the same again and again, such as SWUpdate outside its window, are counted and not stored. Locks for a moment. */
export class CountRepeatedWords1764000740000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE ddi_action ADD COLUMN repeats integer NOT NULL DEFAULT 0`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE ddi_action DROP COLUMN repeats`)
  }
}
