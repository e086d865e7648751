import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { TestDatabases } from '../../../test/support/test-database.js'
import { isMigrationPending, runMigrations } from './migrate.js'
import { migrationList } from './migration-list.js'
import { printSchema } from './print-schema.js'

describe('schema', () => {
  let databases: TestDatabases
  beforeAll(async () => {
    databases = await TestDatabases.start()
  }, 60_000)
  afterAll(() => databases.stop())

  const withClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  it('is what migrations/schema.sql says; `node scripts/print-generated.mjs` writes it anew', async () => {
    const printed = await withClient(await databases.create(), printSchema)
    expect(printed).toBe(await readFile('migrations/schema.sql', 'utf8'))
  })

  it('comes out the same from schema.sql on an empty database', async () => {
    const sql = await readFile('migrations/schema.sql', 'utf8')
    const printed = await withClient(await databases.createEmpty(), async (client) => {
      await client.query(sql)
      return printSchema(client)
    })
    expect(printed).toBe(sql)
  })

  it('is made once by instances that start together', async () => {
    const url = await databases.createEmpty()
    expect(await isMigrationPending(url)).toBe(true)
    const done = await Promise.all([runMigrations(url), runMigrations(url), runMigrations(url)])
    expect(done.map((names) => names.length).sort((a, b) => a - b)).toEqual([0, 0, migrationList.length])
    expect(await isMigrationPending(url)).toBe(false)
    expect(await runMigrations(url)).toEqual([])
  })

  it('can be taken back migration by migration, the newest first', async () => {
    const url = await databases.create()
    const { DataSource } = await import('typeorm')
    const { ownerOptions } = await import('./connection-options.js')
    const owner = await new DataSource(ownerOptions(url)).initialize()
    for (const _ of migrationList) await owner.undoLastMigration()
    await owner.destroy()
    const left = await withClient(url, (client) =>
      client.query(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`),
    )
    expect(left.rows).toEqual([{ relname: 'migration' }])
  })

  it.each([
    ['nothing listens', 'postgresql://cs:x@127.0.0.1:9/x', 'nothing listens at its address'],
    ['the host is unknown', 'postgresql://cs:x@nowhere.invalid/x', 'its host name is not known'],
  ])('says so in one refusal when %s', async (_, url, why) => {
    await expect(runMigrations(url)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', detail: { why } })
    await expect(isMigrationPending(url)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', detail: { why } })
  })

  it('says so in one refusal when the password or the database is wrong', async () => {
    const url = new URL(await databases.create())
    const wrong = new URL(url)
    wrong.password = 'x'
    await expect(runMigrations(wrong.href)).rejects.toMatchObject({ detail: { why: 'it refused the password' } })
    url.pathname = '/nowhere'
    await expect(runMigrations(url.href)).rejects.toMatchObject({ detail: { why: 'the database does not exist' } })
  })
})
