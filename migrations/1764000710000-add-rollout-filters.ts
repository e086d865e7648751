import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which devices a rollout is about, and which a stage takes of them, in the words of people. The columns come at once. */
export class AddRolloutFilters1764000710000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE rollout ADD COLUMN filter text`)
    await db.query(`ALTER TABLE rollout_stage ADD COLUMN filter text`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE rollout_stage DROP COLUMN filter`)
    await db.query(`ALTER TABLE rollout DROP COLUMN filter`)
  }
}
