import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Groups of devices. A new table only: nothing is locked for long. */
export class CreateDeviceGroups1764000067000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    // `facts`: what the filter looks at. `filled_to`: the device up to which it has been asked; NULL when all have.
    await db.query(`CREATE TABLE device_group (
      namespace text NOT NULL,
      name text NOT NULL,
      filter text,
      facts text[] NOT NULL,
      filled_to text,
      changed_at bigint NOT NULL,
      changed_by text NOT NULL,
      PRIMARY KEY (namespace, name),
      CONSTRAINT device_group_list_is_full CHECK (filter IS NOT NULL OR filled_to IS NULL))`)
    await db.query(`CREATE INDEX device_group_unfilled ON device_group (namespace, name) WHERE filled_to IS NOT NULL`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE device_group`)
  }
}
