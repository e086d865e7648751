import pg from 'pg'
import type { DataSourceOptions } from 'typeorm'
import { migrationList } from './migration-list.js'

/** What the server may do in the database; made by the first migration. It cannot change the audit table's rows. */
const SERVER_ROLE = 'countersign_server'
export const CONNECT_TIMEOUT_MS = 5_000
const POOL_SIZE = 20
type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>
const INT8 = pg.types.builtins.INT8

/** `pg` gives 64-bit integers as text. Ours fit a number, and one that does not is an error, not a rounded value. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === INT8 && format !== 'binary' ? (text: string) => requireSafe(text) : pg.types.getTypeParser(oid, format),
}

function requireSafe(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer of the database exceeds 2^53-1')
  return value
}

/** What every connection that serves says first. */
export const SERVING_SESSION = `-c role=${SERVER_ROLE}`

/** For serving: every connection takes the server's role before its first statement. */
export const servingOptions = (url: string): PostgresOptions => ({
  ...ownerOptions(url),
  migrations: [],
  extra: { types, max: POOL_SIZE, options: SERVING_SESSION },
})

/** For migrations: the user of the URL, who owns the tables. */
export const ownerOptions = (url: string): PostgresOptions => ({
  type: 'postgres',
  url,
  synchronize: false,
  logging: false,
  connectTimeoutMS: CONNECT_TIMEOUT_MS,
  migrations: [...migrationList],
  migrationsTableName: 'migration',
  migrationsTransactionMode: 'each',
  extra: { types, max: 2 },
})
