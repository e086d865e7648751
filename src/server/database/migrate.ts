import pg from 'pg'
import { DataSource } from 'typeorm'
import { CONNECT_TIMEOUT_MS, ownerOptions } from './connection-options.js'
import { asDatabaseFailure } from '../database-failure.js'

/** Any number, the same in every instance: whoever holds it runs the migrations. */
const MIGRATION_LOCK = 7_420_001

/**
 * Brings the tables up to date. Instances that come at the same time wait for each other.
 * @returns the names of the migrations that ran. @throws Refusal `DATABASE_UNAVAILABLE`.
 */
export async function runMigrations(url: string): Promise<readonly string[]> {
  const guard = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  try {
    await guard.connect()
    // A lock of the session: it ends with the connection, also when this process is killed.
    await guard.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    return await withOwner(url, async (owner) => (await owner.runMigrations()).map((each) => each.name))
  } catch (error) {
    throw asDatabaseFailure(error)
  } finally {
    await guard.end().catch(() => undefined)
  }
}

/** Whether migrations wait to be run. @throws Refusal `DATABASE_UNAVAILABLE`. */
export async function isMigrationPending(url: string): Promise<boolean> {
  try {
    return await withOwner(url, async (owner) => {
      const names = owner.migrations.map((each) => each.name ?? each.constructor.name)
      const [row] = await owner.query<{ found: boolean }[]>(
        `SELECT to_regclass('public.migration') IS NOT NULL AS found`,
      )
      if (row?.found !== true) return true
      const done = await owner.query<{ name: string }[]>('SELECT name FROM migration')
      return names.some((name) => !done.some((each) => each.name === name))
    })
  } catch (error) {
    throw asDatabaseFailure(error)
  }
}

async function withOwner<T>(url: string, work: (owner: DataSource) => Promise<T>): Promise<T> {
  const owner = new DataSource(ownerOptions(url))
  await owner.initialize()
  try {
    return await work(owner)
  } finally {
    await owner.destroy()
  }
}
