import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * When KRLs arrived, without the names: a device's row tells which it has, and here are the times alone, a quarter of the room. A row for
 * each KRL that a device had to wait for. Reports wait while the table is made anew, seconds for a million rows.
 */
export class ShrinkAcknowledgements1764000732000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE krl_acknowledgement RENAME TO krl_step`)
    await db.query(`ALTER TABLE krl_step RENAME CONSTRAINT krl_acknowledgement_pkey TO krl_step_pkey`)
    await db.query(`CREATE TABLE krl_acknowledgement (
      namespace text NOT NULL,
      krl_number bigint NOT NULL,
      received_ms bigint NOT NULL)`)
    await db.query(`REVOKE UPDATE, DELETE ON krl_acknowledgement FROM countersign_server`)
    await db.query(`INSERT INTO krl_acknowledgement
      SELECT s.namespace, t.version, s.received_ms FROM (
        SELECT *, coalesce(lag(krl_number) OVER (PARTITION BY namespace, device_id ORDER BY krl_number), krl_number - 1) AS held
        FROM krl_step) s
      JOIN trust_document t ON t.namespace = s.namespace AND t.kind = 'krl' AND t.version > s.held AND t.version <= s.krl_number`)
    await db.query(`DROP TABLE krl_step`)
    await db.query(`CREATE INDEX krl_acknowledgement_by_krl ON krl_acknowledgement (namespace, krl_number)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE krl_acknowledgement`)
    await db.query(`CREATE TABLE krl_acknowledgement (
      namespace text NOT NULL,
      krl_number bigint NOT NULL,
      device_id text NOT NULL,
      received_ms bigint NOT NULL,
      PRIMARY KEY (namespace, krl_number, device_id))`)
    await db.query(`INSERT INTO krl_acknowledgement
      SELECT namespace, krl_number, id, reported_ms FROM device WHERE krl_number > 0 AND reported_ms IS NOT NULL`)
  }
}
