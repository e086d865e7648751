import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Devices of other protocols than ours, which have no key of their own, and the state of a deployment that such a client calls
 * done. Locks `device` and `deployment` while the new checks read them and the index is built, about a second for each million rows.
 */
export class AddUnsignedClients1764000070000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`ALTER TABLE device
      ADD COLUMN protocol text NOT NULL DEFAULT 'native' CHECK (protocol IN ('native', 'ddi')),
      ALTER COLUMN public_key DROP NOT NULL,
      ADD CONSTRAINT device_native_has_key CHECK ((protocol = 'native') = (public_key IS NOT NULL)),
      ADD CONSTRAINT device_native_signs CHECK (protocol = 'native' OR report IS NULL)`)
    await replaceStates(db, ['queued', 'offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting'])
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DELETE FROM deployment p USING device d
      WHERE p.namespace = d.namespace AND p.device_id = d.id AND d.protocol <> 'native'`)
    await db.query(`DELETE FROM device WHERE protocol <> 'native'`)
    await db.query(`ALTER TABLE device DROP CONSTRAINT device_native_signs, DROP CONSTRAINT device_native_has_key,
      ALTER COLUMN public_key SET NOT NULL, DROP COLUMN protocol`)
    await replaceStates(db, ['queued', 'offered', 'downloading', 'downloaded', 'installing', 'rebooting'])
  }
}

async function replaceStates(db: QueryRunner, active: readonly string[]): Promise<void> {
  const terminal = ['confirmed', 'failed', 'reverted', 'refused', 'timedOut', 'cancelled', 'superseded']
  const list = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(', ')
  await db.query(`ALTER TABLE deployment DROP CONSTRAINT deployment_state_check,
    ADD CONSTRAINT deployment_state_check CHECK (state IN (${list([...active, ...terminal])}))`)
  await db.query(`DROP INDEX deployment_one_active`)
  await db.query(
    `CREATE UNIQUE INDEX deployment_one_active ON deployment (namespace, device_id) WHERE state IN (${list(active)})`,
  )
}
