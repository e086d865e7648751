import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What the inspector found in firmware. A new table only: nothing is locked for long. */
export class CreateFirmwareFinding1764000050000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE firmware_finding (
      namespace text NOT NULL,
      sha256 bytea NOT NULL,
      judged_by bytea NOT NULL CHECK (octet_length(judged_by) = 32),
      findings jsonb NOT NULL,
      inspected_at bigint NOT NULL,
      PRIMARY KEY (namespace, sha256),
      FOREIGN KEY (namespace, sha256) REFERENCES firmware (namespace, sha256))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE firmware_finding`)
  }
}
