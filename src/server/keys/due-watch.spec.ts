import { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ShiftedClock } from '../../../test/support/hand-server-clock.js'
import { PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { TrustFixture } from '../../../test/support/trust-fixture.js'
import { toBase64Url } from '../../domain/bytes.js'
import { AuditService } from '../audit/audit.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { DueWatch } from './due-watch.service.js'
import { TrustService } from './trust.service.js'

const DAY = 86_400

class RecordingLog extends DecisionLog {
  readonly lines: Readonly<Record<string, unknown>>[] = []
  protected override write(_level: string, event: string, facts: Readonly<Record<string, unknown>>): void {
    this.lines.push({ event, ...facts })
  }
}

describe('what falls due', () => {
  const clock = new ShiftedClock()
  const log = new RecordingLog()
  let bench: PeopleBench
  let key = ''
  const watches: DueWatch[] = []
  beforeAll(async () => {
    const trust = await TrustFixture.make({
      policy: { owners: new Map() },
    })
    key = trust.roleKey('manifest-a').keyIdHex
    bench = await PeopleBench.start({ trust, clock })
    const owned = await trust.nextPolicy({ owners: new Map([[key, ['security-1', 'security-2']]]) })
    await bench.begin()
    await bench.postPolicy(owned.bytes)
    const { app, config } = bench.server
    // Two instances of the server.
    for (let index = 0; index < 2; index += 1)
      watches.push(new DueWatch(config, app.get(TrustService), app.get(DataSource), app.get(AuditService), clock, log))
  }, 60_000)
  afterAll(() => bench.stop())

  const lookAtDay = async (day: number): Promise<object[]> => {
    clock.shiftSeconds = day * DAY
    await Promise.all(watches.map((watch) => watch.look()))
    const rows = await bench.server.database.query<{ detail: { what: string; notice: number } }[]>(
      `SELECT detail FROM audit_entry WHERE event = 'rotation.due' ORDER BY number`,
    )
    return rows.map(({ detail }) => detail).filter(({ what }) => what === 'role manifest-a')
  }

  it('is asked for once 30, 14 and 7 days before, whatever the number of instances', async () => {
    expect(await lookAtDay(10)).toEqual([])
    const about = { what: 'role manifest-a', owners: 'security-1', deputies: 'security-2' }
    expect(await lookAtDay(61)).toMatchObject([{ ...about, notice: 30 }])
    expect(await lookAtDay(62)).toHaveLength(1)
    expect(await lookAtDay(77)).toMatchObject([{ notice: 30 }, { ...about, notice: 14 }])
    expect(await lookAtDay(84)).toMatchObject([{ notice: 30 }, { notice: 14 }, { ...about, notice: 7 }])
    expect(await lookAtDay(95)).toHaveLength(3)
  })

  it('is a log line too, and an event for those who listen', async () => {
    const lines = log.lines.filter((line) => line['what'] === 'role manifest-a')
    expect(lines).toMatchObject([
      {
        event: 'rotation.due',
        namespace: bench.trust.namespace,
        notice: 30,
        owners: 'security-1',
        dueAt: bench.trust.now + 90 * DAY,
      },
      { notice: 14 },
      { notice: 7 },
    ])
    const events = await bench.server.database.query<unknown[]>(`SELECT 1 FROM event WHERE type = 'rotation.due'`)
    expect(events.length).toBeGreaterThanOrEqual(3)
  })

  it('is also the life of people, documents and the revocation list', async () => {
    clock.shiftSeconds = 360 * DAY
    await watches[0]?.look()
    const whats = log.lines.map((line) => line['what'])
    expect(whats).toEqual(expect.arrayContaining(['person manager-1', 'revocation list', 'root', 'policy', 'role krl']))
  })
})

describe('in the last week of the manifest role', () => {
  let bench: PeopleBench
  let signed: Reply['body']
  const end = (): number => bench.trust.now + 5 * DAY
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    signed = (await bench.approve(release, 'manager-2')).body
    const { root } = bench.trust
    const { keyIdHex } = bench.trust.roleKey('manifest-a')
    const row = root.keys.get(keyIdHex)
    const keys = new Map(root.keys)
    if (row !== undefined) keys.set(keyIdHex, { ...row, notAfter: end() })
    const { bytes } = await bench.trust.nextRoot({ keys })
    await bench.call('POST', '/trust/roots', 'security-officer', { root: toBase64Url(bytes) })
  }, 60_000)
  afterAll(() => bench.stop())

  const rollout = (change: object): Promise<Reply> =>
    bench.call('POST', '/rollouts', 'fleet-manager', {
      releaseId: signed['id'],
      stages: [{ percent: 100 }],
      gate: { confirmedPercent: 90 },
      failureLimit: { count: 1 },
      devicesPerHour: 10,
      devicesTotal: 10,
      ...change,
    })

  it('notice is given when the root comes that says so, not at the next look', async () => {
    const rows = await bench.server.database.query<{ detail: object }[]>(
      `SELECT detail FROM audit_entry WHERE event = 'rotation.due'`,
    )
    expect(rows.map(({ detail }) => detail)).toMatchObject([{ what: 'role manifest-a', notice: 7 }])
  })

  it('no release is begun', async () => {
    const image = bench.makeImage()
    await bench.upload(image)
    const { requestId } = (await bench.submit(image)).body
    const reply = await bench.call('POST', '/releases', 'engineer', { requestId })
    expect(refusalIn(reply)).toMatchObject({
      status: 409,
      code: 'ROLE_ENDS',
      detail: { role: 'manifest-a', ends: end() },
    })
  })

  it('no rollout is planned that would outlive it, and one that is over before may be', async () => {
    expect(refusalIn(await rollout({}))).toMatchObject({ status: 409, code: 'ROLE_ENDS' })
    expect(await rollout({ expires: end() })).toMatchObject({ status: 201 })
  })
})
