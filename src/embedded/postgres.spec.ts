import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { ManagedProcess } from './managed-process.js'
import { EmbeddedPostgres } from './postgres.js'

describe('embedded PostgreSQL', () => {
  let folder = ''
  let postgres: EmbeddedPostgres

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-postgres-'))
    postgres = await EmbeddedPostgres.start({ folder, isDurable: false })
  }, 60_000)
  afterAll(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true })
  })

  const ask = async (url: string, sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  it('asks for its password, which only we can read', async () => {
    expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600)
    const withWrongPassword = new URL(postgres.url())
    withWrongPassword.password = 'x'
    await expect(ask(withWrongPassword.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  })

  it('listens on 127.0.0.1 only and on no UNIX socket', async () => {
    const rows = await ask(
      postgres.url(),
      `SELECT name, setting FROM pg_settings WHERE name IN ('listen_addresses', 'unix_socket_directories') ORDER BY 1`,
    )
    expect(rows).toEqual([
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ])
  })

  it('makes a database as a copy of another one', async () => {
    await ask(await postgres.createDatabase('pattern'), 'CREATE TABLE kept (n int)')
    const copy = await postgres.createDatabase('copy_1', 'pattern')
    expect(await ask(copy, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }])
    await expect(postgres.createDatabase('x; DROP DATABASE pattern')).rejects.toThrow('not a database name')
  })

  it('takes another port where somebody was quicker', async () => {
    let quicker: Server | undefined
    const second = await EmbeddedPostgres.start({
      folder: join(folder, 'second'),
      isDurable: false,
      launch: async (recipe) => {
        if (quicker === undefined) {
          const port = Number(recipe.command[recipe.command.indexOf('-p') + 1])
          quicker = createServer().listen(port, '127.0.0.1')
          await once(quicker, 'listening')
        }
        return ManagedProcess.start(recipe)
      },
    })
    expect(await ask(second.url(), 'SELECT 1 AS n')).toEqual([{ n: 1 }])
    expect(quicker?.address()).not.toMatchObject({ port: second.port })
    await second.stop()
    quicker?.close()
  }, 60_000)

  it('refuses a folder that another PostgreSQL uses, in its words', async () => {
    await expect(EmbeddedPostgres.start({ folder })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      detail: { why: expect.stringMatching(/lock file "postmaster.pid" already exists/) },
    })
  })

  it('refuses a port that is taken', async () => {
    const taken = { folder: join(folder, 'other'), port: postgres.port }
    await expect(EmbeddedPostgres.start(taken)).rejects.toMatchObject({
      code: 'PORT_BUSY',
      detail: { port: postgres.port },
    })
  })

  it('finds its data and its password again after a restart', async () => {
    const url = new URL(await postgres.createDatabase('lasting'))
    await ask(url.href, 'CREATE TABLE lasting_row AS SELECT 7 AS n')
    await postgres.stop()
    expect(await readFile(join(folder, 'postgresql.log'), 'utf8')).toMatch(/database system is shut down/)
    postgres = await EmbeddedPostgres.start({ folder, isDurable: false })
    expect(await ask(postgres.url('lasting'), 'SELECT n FROM lasting_row')).toEqual([{ n: 7 }])
  }, 30_000)
})
