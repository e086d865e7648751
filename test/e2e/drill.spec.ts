import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { DataSource } from 'typeorm'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { JournalScanner } from '../../src/domain/journal/journal-scanner.js'
import { CliHouse } from '../support/cli-house.js'
import { eventually } from '../support/eventually.js'

let house: CliHouse
beforeAll(async () => {
  house = await CliHouse.start()
}, 120_000)
afterAll(() => house.stop())

/** Every file of both signers and every row of every table, by digest. */
async function production(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const entry of readdirSync(house.path('.'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(house.path('.'), path)
    // Homes are people's own machines.
    if (entry.isFile() && !name.startsWith('homes')) found.set(name, toHex(sha256(new Uint8Array(readFileSync(path)))))
  }
  const database = house.bench.server.app.get(DataSource)
  const tables = await database.query<{ name: string }[]>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }[]>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`)
    found.set(`table ${name}`, rows.map(({ row }) => row).join('\n'))
  }
  return found
}

/** The mark beside a journal comes some seconds after it; nothing else is written by itself. */
const marksArrived = (): Promise<void> =>
  eventually(() => {
    for (const name of ['release', 'online']) {
      const journal = new JournalScanner('gateway/prod')
      journal.take(new Uint8Array(readFileSync(house.path(`${name}/journal`))))
      const { index, sha256: last } = journal.end().head
      expect(readFileSync(house.path(`${name}.mark`), 'utf8')).toBe(`${index} ${toHex(last)}\n`)
    }
  }, 2_000)

it('rehearses a compromise from t0 to t4 and leaves every file, row and journal of production as it was', async () => {
  await marksArrived()
  const before = await production()
  const text = await house.must('security-1', 'keys', 'drill', '--devices', '5', '--json')
  const result = JSON.parse(text.join('\n')) as Record<string, number>
  const { quorumMs = 0, signedMs = 0, publishedMs = 0, halfMs = 0, lastMs = 0 } = result
  const times = [0, quorumMs, signedMs, publishedMs, halfMs, lastMs]
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(quorumMs).toBeGreaterThan(0)
  expect(result).toMatchObject({
    namespace: 'gateway/prod',
    devices: 5,
    approvers: [
      { name: 'security-1', role: 'security' },
      { name: 'security-2', role: 'security' },
    ],
  })
  const after = await production()
  expect([...after.keys()].filter((name) => after.get(name) !== before.get(name))).toEqual([])
  expect([...after.keys()]).toEqual([...before.keys()])
  // What is compared would show a compromise that is none of a drill.
  await house.krl('revoke', house.signers.keyIds.get('manifest-a') ?? '', '--reason', 'compromise')
  const changed = await production()
  const names = [...changed.keys()].filter((name) => changed.get(name) !== before.get(name))
  expect(names).toEqual(
    expect.arrayContaining([
      'release/journal',
      'published/krl.cbor',
      'table public.krl_request',
      'table public.audit_entry',
    ]),
  )
}, 280_000)
