import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What is left of deployments that were cleared away: how many there were, by stage, state and reason. Locks for a moment. */
export class ClearEndedRollouts1764001100000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE rollout ADD COLUMN cleared_at bigint`)
    await db.query(`
      CREATE TABLE rollout_cleared (
        rollout_id uuid NOT NULL REFERENCES rollout (id),
        stage smallint NOT NULL,
        state text NOT NULL,
        reason bigint,
        devices bigint NOT NULL CHECK (devices > 0)
      )`)
    await db.query(`
      CREATE UNIQUE INDEX rollout_cleared_once ON rollout_cleared (rollout_id, stage, state, reason) NULLS NOT DISTINCT`)
    // Whether an action hangs on a deployment is asked for each that goes.
    await db.query(`CREATE INDEX ddi_action_by_deployment ON ddi_action (rollout_id, device_id)`)
    await db.query(`GRANT SELECT, INSERT, UPDATE ON rollout_cleared TO countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP INDEX ddi_action_by_deployment`)
    await db.query(`DROP TABLE rollout_cleared`)
    await db.query(`ALTER TABLE rollout DROP COLUMN cleared_at`)
  }
}
