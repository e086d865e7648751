import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * A release and the one to roll forward to when it fails, proposed together. A column without a default and an index over
 * nothing yet: writers wait for moments.
 */
export class AddReleaseFallback1764000080001 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE release ADD COLUMN fallback_id uuid,
      ADD CONSTRAINT release_fallback_known FOREIGN KEY (fallback_id) REFERENCES release (id),
      ADD CONSTRAINT release_fallback_once UNIQUE (fallback_id),
      ADD CONSTRAINT release_fallback_other CHECK (fallback_id <> id)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE release DROP COLUMN fallback_id`)
  }
}
