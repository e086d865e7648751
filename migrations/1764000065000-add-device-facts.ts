import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * What filters look at: attributes, tags, groups and the version that a device runs. The columns come at once; each of the three
 * indexes is built while writes to `device` wait, about 2 s for a million devices.
 */
export class AddDeviceFacts1764000065000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE device
      ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
      ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
      ADD COLUMN groups text[] NOT NULL DEFAULT '{}',
      ADD COLUMN version_key int[] CHECK (cardinality(version_key) = 5)`)
    await db.query(`CREATE INDEX device_by_attribute ON device USING gin (attributes jsonb_path_ops)`)
    await db.query(`CREATE INDEX device_by_tag ON device USING gin (tags)`)
    await db.query(`CREATE INDEX device_by_group ON device USING gin (groups)`)
    // The five integers of a version that compare one by one (src/domain/targeting/version-key.ts); NULL for other texts.
    await db.query(`CREATE FUNCTION version_key(version text) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT ARRAY[m[1]::int, m[2]::int, m[3]::int,
        CASE m[4] WHEN 'rc' THEN -1 WHEN 'beta' THEN -2 WHEN 'alpha' THEN -3 ELSE 0 END, coalesce(m[5]::int, 0)]
      FROM regexp_match(version,
        '^(0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})(?:-(alpha|beta|rc)[.](0|[1-9][0-9]{0,8}))?$') AS m
      WHERE m IS NOT NULL $$`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP FUNCTION version_key(text)`)
    await db.query(`DROP INDEX device_by_attribute, device_by_tag, device_by_group`)
    await db.query(
      `ALTER TABLE device DROP COLUMN attributes, DROP COLUMN tags, DROP COLUMN groups, DROP COLUMN version_key`,
    )
  }
}
