import type { MigrationInterface, QueryRunner } from 'typeorm'

const BEFORE = `'queued', 'offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting', 'confirmed',
  'failed', 'reverted', 'refused', 'timedOut', 'cancelled', 'superseded'`

/**
 * Deployments that end when the image is stored: their rollout only has it downloaded. Locks `deployment` while the check
 * reads it, a second for each million.
 */
export class AddStoredDeployments1764000079900 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await replaceStates(db, `${BEFORE}, 'stored'`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`UPDATE deployment SET state = 'cancelled' WHERE state = 'stored'`)
    await replaceStates(db, BEFORE)
  }
}

const replaceStates = (db: QueryRunner, states: string): Promise<unknown> =>
  db.query(`ALTER TABLE deployment DROP CONSTRAINT deployment_state_check,
    ADD CONSTRAINT deployment_state_check CHECK (state IN (${states}))`)
