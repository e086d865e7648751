import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { TestDatabases } from '../../test/support/test-database.js'
import { bootstrap } from './bootstrap.js'
import { requireNoOwner } from './database/least-privilege.js'

const space = {
  namespace: 'gateway/prod',
  rootFile: 'root',
  releaseSigner: 'a',
  onlineSigner: 'b',
  vendorDomain: 'vendor.example',
  classes: [
    {
      name: 'gateway-b',
      model: 'gateway',
      hardwareRevision: 'rev-b',
      environment: 'prod',
    },
  ],
}

describe('bootstrap', () => {
  let databases: TestDatabases
  let folder = ''
  let url = ''
  let env: Record<string, string> = {}
  beforeAll(async () => {
    databases = await TestDatabases.start()
    folder = await mkdtemp(join(tmpdir(), 'cs-bootstrap-'))
    url = await databases.create()
    env = { DATABASE_URL_FILE: join(folder, 'url'), NAMESPACES_FILE: join(folder, 'namespaces.json') }
    await writeFile(join(folder, 'url'), `${url}\n`)
    await writeFile(join(folder, 'namespaces.json'), JSON.stringify([space, { ...space, namespace: 'gateway/dev' }]))
  }, 60_000)
  afterAll(async () => {
    await databases.stop()
    await rm(folder, { recursive: true })
  })

  const ask = async <T>(sql: string, at = url): Promise<T[]> => {
    const client = new pg.Client({ connectionString: at })
    await client.connect()
    try {
      return (await client.query(sql)).rows as T[]
    } finally {
      await client.end()
    }
  }
  const run = (file: string, namespace = 'gateway/prod'): Promise<void> =>
    bootstrap(['--out', join(folder, file), '--namespace', namespace], env)

  it('writes over no file, and then no token exists either', async () => {
    await writeFile(join(folder, 'taken'), 'mine')
    await expect(run('taken')).rejects.toMatchObject({ code: 'FILE_UNREADABLE', detail: { why: 'EEXIST' } })
    expect(await readFile(join(folder, 'taken'), 'utf8')).toBe('mine')
    expect(await ask('SELECT 1 FROM api_token')).toEqual([])
  })

  it('makes a security officer’s token once a namespace, in a file that only its owner reads', async () => {
    await run('token')
    expect((await stat(join(folder, 'token'))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(folder, 'token'), 'utf8')).toMatch(/^cst_[0-9a-f]{32}_[\w-]{43}\n$/)
    expect(await ask('SELECT namespace, roles FROM api_token')).toEqual([
      { namespace: 'gateway/prod', roles: ['security-officer'] },
    ])
    await expect(run('second')).rejects.toMatchObject({
      code: 'CONFLICT',
      detail: { what: 'bootstrap', why: 'gateway/prod has tokens already' },
    })
    await run('other', 'gateway/dev')
  })

  it.each([
    ['no file', [], '--out'],
    ['an unknown option', ['--force'], 'bootstrap'],
    ['no namespace where there are two', ['--out', 'x'], '--namespace'],
  ])('is refused with %s', async (_, args, name) => {
    await expect(bootstrap(args, env)).rejects.toMatchObject({ code: 'CONFIGURATION', detail: { name } })
  })

  it('is told apart in production: the owner of the tables may not serve, a member of the role may', async () => {
    await expect(requireNoOwner(url)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      detail: { name: 'DATABASE_URL_FILE', why: 'this database user may change the audit table' },
    })
    await ask(`CREATE ROLE serving_login LOGIN PASSWORD 'only-in-this-test' IN ROLE countersign_server`)
    const serving = new URL(url)
    serving.username = 'serving_login'
    serving.password = 'only-in-this-test'
    await requireNoOwner(serving.href)
    await expect(ask('DELETE FROM audit_entry', serving.href)).rejects.toMatchObject({ code: '42501' })
  })
})
