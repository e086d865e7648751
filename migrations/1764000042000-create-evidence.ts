import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What speaks for a firmware: SBOMs, provenance, test reports. A new table only: nothing is locked for long. */
export class CreateEvidence1764000042000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE TABLE evidence (
      namespace text NOT NULL,
      image_sha256 bytea NOT NULL,
      sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
      kind text NOT NULL CHECK (kind IN ('sbom', 'provenance', 'test-report')),
      format text NOT NULL,
      names_image boolean NOT NULL,
      facts jsonb NOT NULL,
      policy_version bigint,
      document bytea NOT NULL CHECK (octet_length(document) BETWEEN 1 AND 4194304),
      added_at bigint NOT NULL,
      added_by text NOT NULL,
      PRIMARY KEY (namespace, image_sha256, sha256),
      FOREIGN KEY (namespace, image_sha256) REFERENCES firmware (namespace, sha256))`)
    // Brought, and then as it is.
    await db.query(`REVOKE UPDATE, DELETE ON evidence FROM countersign_server`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE evidence`)
  }
}
