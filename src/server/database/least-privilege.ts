import pg from 'pg'
import { Refusal } from '../../domain/refusal.js'
import { asDatabaseFailure } from '../database-failure.js'
import { CONNECT_TIMEOUT_MS } from './connection-options.js'

/**
 * In production the server logs in as somebody who could not change the audit table if they wanted to: neither a
 * superuser nor the tables' owner. On a laptop one user does both, and only `SET ROLE` stands between.
 * @throws Refusal `CONFIGURATION`, `DATABASE_UNAVAILABLE`.
 */
export async function requireNoOwner(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  try {
    await client.connect()
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT has_table_privilege('audit_entry', 'UPDATE') OR has_table_privilege('audit_entry', 'DELETE') AS may`,
    )
    if (rows[0]?.may !== false)
      throw new Refusal('CONFIGURATION', {
        name: 'DATABASE_URL_FILE',
        why: 'this database user may change the audit table',
      })
  } catch (error) {
    throw asDatabaseFailure(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
