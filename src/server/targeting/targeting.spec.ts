import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { PeopleBench, refusalIn } from '../../../test/support/people-bench.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { DeviceFactsService } from './device-facts.service.js'
import { GroupFilling } from './group-filling.service.js'

describe('targeting', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  const idOf = (n: number): string => createHash('sha256').update(`device ${n}`).digest('hex')
  const [one, two] = [idOf(1), idOf(2)]
  const sql = <T = object>(text: string, parameters: unknown[] = []): Promise<T[]> =>
    bench.server.database.query<T[]>(text, parameters)
  beforeEach(async () => {
    await sql('DELETE FROM device_group')
    await sql('DELETE FROM device')
    for (let n = 1; n <= 5; n += 1)
      await sql(
        `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $4, 1, 1)`,
        [bench.trust.namespace, idOf(n), Buffer.from(CLASS_ID), Buffer.from(idOf(n), 'hex')],
      )
  })

  const change = (id: string, body: object) => bench.call('PATCH', `/devices/${id}/facts`, 'fleet-manager', body)
  const count = async (filter: string) =>
    (await bench.call('GET', `/device-count?filter=${encodeURIComponent(filter)}`, 'auditor')).body['devices']
  const put = (name: string, filter: string | null) => bench.call('PUT', `/groups/${name}`, 'fleet-manager', { filter })
  const fill = () => bench.server.app.get(GroupFilling).fill()
  const members = async (name: string): Promise<string[]> =>
    (await sql<{ id: string }>('SELECT id FROM device WHERE groups @> $1::text[]', [[name]]))
      .map(({ id }) => id)
      .toSorted()

  it('sets attributes and tags of a device, changes them and takes them away', async () => {
    expect((await change(one, { attributes: { site: 'berlin', floor: '2' }, addTags: ['canary'] })).status).toBe(204)
    expect(await count('site = "berlin" and tag canary and floor > 1')).toBe(1)
    await change(one, { attributes: { site: 'lyon', floor: null }, removeTags: ['canary'], addTags: ['a', 'b', 'a'] })
    const [row] = await sql('SELECT attributes, tags FROM device WHERE id = $1', [one])
    expect(row).toEqual({ attributes: { site: 'lyon' }, tags: ['a', 'b'] })
    expect(await count('class = "gateway-b" and not has floor')).toBe(5)
  })

  it.each([
    ['an unknown device', idOf(9), { addTags: ['a'] }, 404, 'NOT_FOUND', { what: 'device', id: idOf(9) }],
    [
      'a long value',
      one,
      { attributes: { a: 'x'.repeat(129) } },
      400,
      'REQUEST_INVALID',
      { field: 'attributes.a', why: 'Too big: expected string to have <=128 characters' },
    ],
    [
      'what the database would not keep',
      one,
      { addTags: ['a\0'] },
      400,
      'REQUEST_INVALID',
      { field: 'addTags.0', why: 'has a character that no device can have' },
    ],
    [
      'more attributes than a device has',
      one,
      { attributes: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`a${n}`, 'x'])) },
      400,
      'REQUEST_INVALID',
      { field: 'attributes', why: 'a device has at most 100' },
    ],
  ] as const)('refuses %s, and changes nothing', async (_, id, body, status, code, detail) => {
    expect(refusalIn(await change(id, body))).toEqual({ status, code, detail })
    expect(await sql(`SELECT id FROM device WHERE attributes <> '{}' OR tags <> '{}'`)).toEqual([])
  })

  it('names the column of a filter that is not understood', async () => {
    const reply = await bench.call('GET', `/device-count?filter=${encodeURIComponent('site == "x"')}`, 'auditor')
    expect(refusalIn(reply)).toMatchObject({ status: 400, code: 'FILTER_INVALID', detail: { column: 7 } })
  })

  it('names a state that no device can be in', async () => {
    const reply = await bench.call(
      'GET',
      `/device-count?filter=${encodeURIComponent('not state in ("idle", "comfirmed")')}`,
      'auditor',
    )
    const why = expect.stringMatching(/^no state "comfirmed": idle, .*confirmed/)
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'FILTER_INVALID', detail: { column: 23, why } })
  })

  it('names a group that does not exist, wherever somebody writes it', async () => {
    const text = 'site = "x" and (tag a or group labs)'
    const refused = { status: 400, code: 'FILTER_INVALID', detail: { column: 32, why: 'no group "labs" here' } }
    const asked = `filter=${encodeURIComponent(text)}`
    expect(refusalIn(await bench.call('GET', `/device-count?${asked}`, 'auditor'))).toEqual(refused)
    expect(refusalIn(await bench.call('GET', `/devices?${asked}`, 'auditor'))).toEqual(refused)
    const change = { filter: text, addTags: ['b'] }
    expect(refusalIn(await bench.call('POST', '/device-facts', 'fleet-manager', change))).toEqual(refused)
    await put('labs', null)
    expect(await count(text)).toBe(0)
  })

  it.each<[Parameters<typeof bench.call>[0], string, object | undefined]>([
    ['GET', '/groups/%00', undefined],
    ['DELETE', '/groups/%00', undefined],
    ['GET', '/groups?after=a%00b', undefined],
    ['GET', '/devices?after=%00', undefined],
    ['PATCH', '/devices/%00/facts', { addTags: ['a'] }],
    ['POST', '/device-facts', { filter: 'all', after: '\0' }],
  ])('refuses what the database does not keep: %s %s', async (method, path, body) => {
    expect(refusalIn(await bench.call(method, path, 'fleet-manager', body))).toEqual({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: { field: 'request', why: 'has a character that the database does not keep' },
    })
  })

  it('changes all that a filter finds, window by window', async () => {
    await change(one, { attributes: { site: 'berlin' } })
    await change(two, { attributes: { site: 'berlin' } })
    const body = { filter: 'site = "berlin"', addTags: ['canary'] }
    const reply = await bench.call('POST', '/device-facts', 'fleet-manager', body)
    expect(reply.body).toEqual({ devices: 2, next: null })
    expect(await count('tag canary')).toBe(2)
  })

  it('fills a group, and lets devices in and out as their facts change', async () => {
    await change(one, { attributes: { site: 'berlin' } })
    expect((await put('lab', 'site = "berlin" and not tag broken')).body).toMatchObject({ isComplete: false })
    await fill()
    expect(await members('lab')).toEqual([one])
    await change(two, { attributes: { site: 'berlin' } })
    expect(await members('lab')).toEqual([one, two].toSorted())
    await change(one, { addTags: ['broken'] })
    expect(await members('lab')).toEqual([two])
    expect(await count('group lab')).toBe(1)
    await put('lab', 'tag broken')
    await fill()
    expect(await members('lab')).toEqual([one])
    expect((await bench.call('GET', '/groups/lab', 'auditor')).body).toMatchObject({ isComplete: true })
    await bench.call('DELETE', '/groups/lab', 'fleet-manager')
    expect(await members('lab')).toEqual([])
  })

  it('asks only groups that name what changed', async () => {
    await put('by-site', 'site = "berlin"')
    await put('by-tag', 'tag canary')
    await fill()
    // A filter that nobody can read any more: whoever asks this group fails.
    await sql(`UPDATE device_group SET filter = '(' WHERE name = 'by-tag'`)
    expect((await change(one, { attributes: { site: 'berlin', floor: '1' } })).status).toBe(204)
    expect(await members('by-site')).toEqual([one])
    expect((await change(one, { addTags: ['canary'] })).status).toBe(400)
  })

  it('does not lose a device that changes while its group is made', async () => {
    const { database, app } = bench.server
    const slow = database.createQueryRunner()
    await slow.startTransaction()
    const facts = { attributes: { site: 'berlin' }, addTags: [], removeTags: [] }
    await app.get(DeviceFactsService).apply(slow.manager, bench.trust.namespace, [one], facts)
    await put('lab', 'site = "berlin"')
    const filling = fill()
    await waitForLock(bench.server.config.databaseUrl)
    await slow.commitTransaction()
    await slow.release()
    await filling
    await fill()
    expect(await members('lab')).toEqual([one])
  }, 30_000)

  it('goes on filling where it was', async () => {
    await sql(`UPDATE device SET tags = '{canary}'`)
    await put('lab', 'tag canary')
    const ids = [1, 2, 3, 4, 5].map(idOf).toSorted()
    await sql('UPDATE device_group SET filled_to = $1', [ids[2]])
    await fill()
    expect(await members('lab')).toEqual(ids.slice(3))
  })

  it('keeps lists of devices that people name', async () => {
    await put('vip', null)
    const to = (body: object) => bench.call('POST', '/groups/vip/members', 'fleet-manager', body)
    expect((await to({ add: [one, two, idOf(9)] })).body).toEqual({ added: 2 })
    await to({ remove: [one] })
    expect(await members('vip')).toEqual([two])
    expect(refusalIn(await put('vip', 'tag a'))).toMatchObject({ status: 409, code: 'CONFLICT' })
    await put('lab', 'tag a')
    const added = await bench.call('POST', '/groups/lab/members', 'fleet-manager', { add: [one] })
    expect(refusalIn(added)).toMatchObject({ status: 409, detail: { why: 'its filter says who is in it' } })
    expect(refusalIn(await put('both', 'group lab or tag a'))).toEqual({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: { field: 'filter', why: 'a group is not made of groups' },
    })
  })
})

/** Until somebody waits for a row that another transaction holds. Only the owner sees what others wait for. */
async function waitForLock(databaseUrl: string): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  try {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const { rowCount } = await owner.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      )
      if ((rowCount ?? 0) > 0) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('nobody waits')
  } finally {
    await owner.end()
  }
}
