import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import pg from 'pg'
import { compileFilter } from '../../src/domain/targeting/compile-filter.js'
import { columnTypes, type DeviceFacts, type Field } from '../../src/domain/targeting/fields.js'
import type { Comparison, Filter } from '../../src/domain/targeting/filter.js'
import { formatFilter } from '../../src/domain/targeting/format-filter.js'
import { matches } from '../../src/domain/targeting/matches.js'
import { parseFilter } from '../../src/domain/targeting/parse-filter.js'
import { versionKeyOf } from '../../src/domain/targeting/version-key.js'
import { TestDatabases } from '../support/test-database.js'

const classIds = new Map(['gateway-r2', 'gateway-r3'].map((name, index) => [name, new Uint8Array(16).fill(index + 1)]))
const versions = [
  '1.4.0',
  '1.4.0-rc.1',
  '1.4.0-rc.2',
  '1.4.0-beta.9',
  '1.4.0-alpha.10',
  '0.0.0',
  '1.3.999999999',
  '2.0.0',
]
const numbers = ['0', '-0', '3', '3.0', '3.5', '-7', '0.1', '0.100001', '999999999.999999']
// What is almost a number or a version, what SQL and JSON have to quote, digits that are none here.
const texts = [
  '',
  'berlin',
  'Berlin',
  `o'slo`,
  'a"b\\c',
  '{"x":1}',
  '%',
  '1.4',
  '1.4.0-dev.1',
  '01.2.3',
  '1e3',
  '٣',
  '3\n',
  ' 3',
  '1.4.0\n',
]
const names = ['site', 'fw', `it's "x"`, 'class', '']
const words = ['canary', 'frozen', 'a,b', `"`, 'NULL', '']

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null })
const value = fc.constantFrom(...texts, ...numbers, ...versions)
const devices = fc.record<Omit<DeviceFacts, 'id'>>({
  class: fc.constantFrom(...classIds.keys()),
  state: optional(fc.constantFrom('idle', 'confirmed')),
  version: optional(fc.constantFrom(...versions)),
  sequence: optional(fc.nat(5)),
  root: optional(fc.nat(5)),
  krl: optional(fc.nat(5)),
  tags: fc.uniqueArray(fc.constantFrom(...words)).map((each) => new Set(each)),
  groups: fc.uniqueArray(fc.constantFrom(...words)).map((each) => new Set(each)),
  attributes: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), value), { selector: ([name]) => name })
    .map((each) => new Map(each)),
})

const attribute = fc.constantFrom(...names).map((name): Field => ({ kind: 'attribute', name }))
const column = (type: string): fc.Arbitrary<Field> =>
  fc
    .constantFrom(
      ...(Object.keys(columnTypes) as (keyof typeof columnTypes)[]).filter((name) => columnTypes[name] === type),
    )
    .map((name): Field => ({ kind: 'column', name }))
const is = fc.constantFrom<Comparison>('<', '<=', '=', '>=', '>')
const number = fc.constantFrom(...numbers).map((text) => Number(text) + 0)
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.constant<Filter>({ kind: 'all' }),
  fc.record({ kind: fc.constantFrom('tag', 'group'), name: fc.constantFrom(...words) }),
  fc.record({ kind: fc.constant('has' as const), attribute: fc.constantFrom(...names) }),
  fc.record({
    kind: fc.constant('text' as const),
    field: attribute,
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant('text' as const),
    field: column('text'),
    values: fc.uniqueArray(fc.constantFrom('gateway-r2', 'gateway-r3', 'idle', 'confirmed', idOf(3), idOf(4)), {
      minLength: 1,
    }),
  }),
  fc.record({ kind: fc.constant('number' as const), field: fc.oneof(attribute, column('number')), is, value: number }),
  fc.record({
    kind: fc.constant('version' as const),
    field: fc.oneof(attribute, column('version')),
    is,
    value: fc.constantFrom(...versions).map(versionKeyOf),
  }),
)
const { filters } = fc.letrec<{ filters: Filter }>((tie) => ({
  filters: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ kind: fc.constant('not' as const), filter: tie('filters') }),
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filters'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}))

function idOf(index: number): string {
  return createHash('sha256').update(`${index}`).digest('hex')
}

describe('a filter in the database', () => {
  let databases: TestDatabases
  let client: pg.Client
  let fleet: readonly DeviceFacts[]
  beforeAll(async () => {
    databases = await TestDatabases.start()
    client = new pg.Client({ connectionString: await databases.create() })
    await client.connect()
    fleet = fc.sample(devices, 300).map((device, index) => ({ ...device, id: idOf(index) }))
    for (const device of fleet) await insert(client, device)
  }, 60_000)
  afterAll(async () => {
    await client.end()
    await databases.stop()
  })

  const foundBy = async (filter: Filter): Promise<string[]> => {
    const options = {
      alias: 'd',
      findClassId: (name: string) => classIds.get(name) ?? null,
      parameters: ['gateway/prod'],
    }
    const { sql, parameters } = compileFilter(filter, options)
    const { rows } = await client.query<{ id: string }>(`SELECT d.id FROM device d WHERE d.namespace = $1 AND ${sql}`, [
      ...parameters,
    ])
    return rows.map(({ id }) => id).toSorted()
  }

  it('finds the devices that fit it in this process', async () => {
    let found = 0
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        const fitting = fleet.filter((device) => matches(filter, device)).map(({ id }) => id)
        expect(await foundBy(filter)).toEqual(fitting.toSorted())
        if (fitting.length > 0 && fitting.length < fleet.length) found += 1
      }),
      { numRuns: 1_000 },
    )
    // Filters that everything or nothing fits prove little.
    expect(found).toBeGreaterThan(200)
  }, 120_000)

  it('is read back from its text as what it was', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        const again = parseFilter(formatFilter(filter), { isClass: (name) => classIds.has(name) || name.length > 2 })
        expect(formatFilter(again)).toBe(formatFilter(parseFilter(formatFilter(again), { isClass: () => true })))
        for (const device of fleet.slice(0, 30)) expect(matches(again, device)).toBe(matches(filter, device))
      }),
      { numRuns: 500 },
    )
  })

  it('looks attributes, tags and groups up in an index', async () => {
    await client.query('SET enable_seqscan = off')
    for (const text of ['site in ("berlin", "oslo")', 'tag canary', 'group lab']) {
      const { sql, parameters } = compileFilter(parseFilter(text, { isClass: () => true }), {
        alias: 'd',
        findClassId: () => null,
      })
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT count(*) FROM device d WHERE ${sql}`,
        [...parameters],
      )
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(
        /Bitmap Index Scan on device_by_(attribute|tag|group)/,
      )
    }
    await client.query('RESET enable_seqscan')
  })
})

async function insert(client: pg.Client, device: DeviceFacts): Promise<void> {
  await client.query(
    `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at,
       reported_state, version_key, running_sequence, root_version, krl_number, tags, groups, attributes)
     VALUES ('gateway/prod', $1, $2, $3, $3, 1, 1, $4, version_key($5), $6, $7, $8, $9, $10, $11)`,
    [
      device.id,
      classIds.get(device.class ?? ''),
      createHash('sha256').update(device.id).digest(),
      device.state,
      device.version,
      device.sequence,
      device.root,
      device.krl,
      [...device.tags],
      [...device.groups],
      JSON.stringify(Object.fromEntries(device.attributes)),
    ],
  )
}
