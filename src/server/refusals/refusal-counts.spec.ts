import { afterAll, beforeAll, expect, it } from '@jest/globals'
import pg from 'pg'
import { ServerUnderTest } from '../../../test/support/server-app.js'
import { TestDatabases } from '../../../test/support/test-database.js'
import { RefusalCounts } from './refusal-counts.service.js'

let databases: TestDatabases
let server: ServerUnderTest
let owner: pg.Client
beforeAll(async () => {
  databases = await TestDatabases.start()
  const databaseUrl = await databases.create()
  server = await ServerUnderTest.start({ databaseUrl })
  owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
}, 60_000)
afterAll(async () => {
  await owner.end()
  await server.stop()
  await databases.stop()
})

it('counts refusals by what was refused, and loses none while they cannot be written', async () => {
  const counts = server.app.get(RefusalCounts)
  for (const kind of ['REPORT_MISMATCH', 'REPORT_MISMATCH', 'SIGNATURE_INVALID']) counts.note('a/b', 'report', kind)
  counts.note('a/b', 'ddi', 'REPORT_MISMATCH')
  counts.note('other/b', 'report', 'REPORT_MISMATCH')
  await owner.query('ALTER TABLE device_refusal RENAME TO gone')
  await expect(counts.list('a/b', 'report')).rejects.toThrow('device_refusal')
  await owner.query('ALTER TABLE gone RENAME TO device_refusal')
  counts.note('a/b', 'report', 'REPORT_MISMATCH')
  for (let times = 0; times < 2; times += 1)
    expect(await counts.list('a/b', 'report')).toEqual([
      { kind: 'REPORT_MISMATCH', count: 3, lastAt: expect.any(Number) },
      { kind: 'SIGNATURE_INVALID', count: 1, lastAt: expect.any(Number) },
    ])
})
