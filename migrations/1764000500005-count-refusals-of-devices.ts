import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Refusals are counted for every protocol. A new name, a column with a constant default and a key over some dozen rows. */
export class CountRefusalsOfDevices1764000500005 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE ddi_refusal RENAME TO device_refusal`)
    await db.query(`ALTER TABLE device_refusal
      ADD COLUMN protocol text NOT NULL DEFAULT 'ddi' CHECK (protocol IN ('native', 'ddi')),
      DROP CONSTRAINT ddi_refusal_pkey,
      ADD CONSTRAINT device_refusal_pkey PRIMARY KEY (namespace, protocol, kind)`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DELETE FROM device_refusal WHERE protocol = 'native'`)
    await db.query(`ALTER TABLE device_refusal DROP CONSTRAINT device_refusal_pkey, DROP COLUMN protocol,
      ADD CONSTRAINT ddi_refusal_pkey PRIMARY KEY (namespace, kind)`)
    await db.query(`ALTER TABLE device_refusal RENAME TO ddi_refusal`)
  }
}
