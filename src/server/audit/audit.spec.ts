import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { AuditService } from './audit.service.js'

describe('audit', () => {
  let bench: PeopleBench
  let owner: pg.Client
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    owner = new pg.Client({ connectionString: bench.server.config.databaseUrl })
    await owner.connect()
  }, 60_000)
  afterAll(async () => {
    await owner.end()
    await bench.stop()
  })

  const changes = [
    ['UPDATE', `UPDATE audit_entry SET actor = 'somebody else' WHERE number = 1`],
    ['DELETE', 'DELETE FROM audit_entry WHERE number = 1'],
    ['TRUNCATE', 'TRUNCATE audit_entry'],
  ] as const

  it.each(changes)('refuses %s to the server, by its role', async (_, statement) => {
    await expect(bench.server.database.query(statement)).rejects.toMatchObject({
      code: '42501',
      message: 'permission denied for table audit_entry',
    })
  })

  it.each(changes)('refuses %s to the owner of the table, by a trigger', async (_, statement) => {
    await expect(owner.query(statement)).rejects.toMatchObject({
      code: '42501',
      message: 'an audit entry stays as it was written',
    })
  })

  it('refuses the server the way back to its owner’s rights in one statement', async () => {
    const rows = await bench.server.database.query<{ role: string }[]>('SELECT current_user AS role')
    expect(rows).toEqual([{ role: 'countersign_server' }])
  })

  it('shows from where on a chain was changed by somebody who could', async () => {
    const audit = bench.server.app.get(AuditService)
    const { namespace } = bench.trust
    expect(await audit.findBreak(namespace)).toBeNull()
    await owner.query('ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays')
    const change = (actor: string): Promise<unknown> =>
      owner.query('UPDATE audit_entry SET actor = $1 WHERE namespace = $2 AND number = 3', [actor, namespace])
    const { rows } = await owner.query<{ actor: string }>(
      'SELECT actor FROM audit_entry WHERE namespace = $1 AND number = 3',
      [namespace],
    )
    await change('somebody else')
    expect(await audit.findBreak(namespace)).toBe(3)
    await change(rows[0]?.actor ?? '')
    expect(await audit.findBreak(namespace)).toBeNull()
    await owner.query('DELETE FROM audit_entry WHERE namespace = $1 AND number = 2', [namespace])
    expect(await audit.findBreak(namespace)).toBe(2)
  })

  it('numbers entries of concurrent changes without a gap', async () => {
    const { server, trust } = bench
    const audit = server.app.get(AuditService)
    const namespace = `${trust.namespace}-other`
    const record = (n: number): Promise<void> =>
      server.database.transaction((manager) =>
        audit.record(manager, { namespace, actor: 'test', event: 'test.counted', detail: { n } }),
      )
    await Promise.all(Array.from({ length: 12 }, (_, n) => record(n)))
    const { items } = await audit.list(namespace, { limit: 100 })
    expect(items.map((entry) => entry.number)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
    expect(await audit.findBreak(namespace)).toBeNull()
  })

  it('keeps nothing of a change that was rolled back', async () => {
    const { server, trust } = bench
    const audit = server.app.get(AuditService)
    const namespace = `${trust.namespace}-undone`
    const undone = server.database.transaction(async (manager) => {
      await audit.record(manager, { namespace, actor: 'test', event: 'test.undone', detail: {} })
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    expect((await audit.list(namespace, { limit: 10 })).items).toEqual([])
  })
})
