import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Re-signatures of releases after a key was rotated, and who approved them. New tables only: nothing is locked for long. */
export class CreateReSign1764000003000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE re_sign_request (
      id uuid PRIMARY KEY,
      namespace text NOT NULL,
      release_id uuid NOT NULL REFERENCES release (id),
      state text NOT NULL CHECK (state IN ('awaiting-approval', 'signed')),
      created_at bigint NOT NULL,
      created_by text NOT NULL,
      signed_at bigint,
      last_refusal jsonb,
      CONSTRAINT re_sign_signed_whole CHECK ((state = 'signed') = (signed_at IS NOT NULL)))`)
    // Of two people who ask at once the second joins the first.
    await db.query(
      `CREATE UNIQUE INDEX re_sign_open_once ON re_sign_request (release_id) WHERE state = 'awaiting-approval'`,
    )
    await db.query(`CREATE INDEX re_sign_by_release ON re_sign_request (release_id, created_at DESC, id DESC)`)
    await db.query(`CREATE TABLE re_sign_approval (
      re_sign_request_id uuid NOT NULL REFERENCES re_sign_request (id),
      person text NOT NULL,
      role text NOT NULL,
      key_id bytea NOT NULL,
      document bytea NOT NULL,
      received_at bigint NOT NULL,
      CONSTRAINT re_sign_approval_person_once PRIMARY KEY (re_sign_request_id, person))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE re_sign_approval, re_sign_request`)
  }
}
