import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { eventually } from '../../../test/support/eventually.js'
import { PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { sha256, toHex } from '../../domain/bytes.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'

const DAY = 86_400

describe('retention', () => {
  let bench: PeopleBench
  let now = 0
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    now = Math.floor(Date.now() / 1_000)
  }, 60_000)
  afterAll(() => bench.stop())

  const prune = (isDryRun: boolean, unusedDays = 30): Promise<Reply> =>
    bench.call('POST', '/firmware/prune', 'security-officer', { unusedDays, isDryRun })
  const digestsIn = ({ body }: Reply): string[] => (body['items'] as { sha256: string }[]).map((each) => each.sha256)
  /** As if nobody had touched it for so long. */
  const age = (digest: string, days: number): Promise<unknown> =>
    bench.server.database.query('UPDATE firmware SET used_at = $2 WHERE sha256 = $1', [
      Buffer.from(digest, 'hex'),
      now - days * DAY,
    ])
  const isStored = async (digest: string): Promise<boolean> =>
    (await bench.server.app.get(FirmwareStore).findSizeBytes(new Uint8Array(Buffer.from(digest, 'hex')))) !== null
  const uploaded = async (): Promise<{ image: Uint8Array; digest: string }> => {
    const image = bench.makeImage()
    await bench.upload(image)
    const digest = toHex(sha256(image))
    await age(digest, 40)
    return { image, digest }
  }
  const imageOf = (release: Reply['body']): string => String(release['imageSha256'])

  it('gives up what nothing needs, and a dry run only says so', async () => {
    const { image, digest } = await uploaded()
    expect(digestsIn(await prune(true))).toEqual([digest])
    expect(await isStored(digest)).toBe(true)
    expect(digestsIn(await prune(false))).toEqual([digest])
    expect(await isStored(digest)).toBe(false)
    expect(digestsIn(await prune(false))).toEqual([])
    const shown = await bench.call('GET', `/firmware/${digest}`, 'auditor')
    expect(shown.body['prunedAt']).toEqual(expect.any(Number))
    const content = await bench.call('GET', `/firmware/${digest}/content`, 'auditor')
    expect(refusalIn(content)).toEqual({ status: 409, code: 'FIRMWARE_PRUNED', detail: { sha256: digest } })
    expect(refusalIn(await bench.submit(image))).toMatchObject({ code: 'FIRMWARE_PRUNED' })
    // Whoever needs it again brings it again.
    expect(await bench.upload(image)).toMatchObject({ status: 201, body: { prunedAt: null } })
    expect((await bench.submit(image)).status).toBe(201)
  })

  it('leaves what was used a while ago', async () => {
    const { digest } = await uploaded()
    expect(digestsIn(await prune(true, 41))).not.toContain(digest)
    expect(digestsIn(await prune(false))).toContain(digest)
  })

  it('leaves what a release needs: awaiting approval, overtaken, signed; a rejected one needs nothing', async () => {
    const waiting = await bench.release()
    const rejected = await bench.release()
    await bench.call('POST', `/releases/${String(rejected['id'])}/rejection`, 'approver', { reason: 'x' }, 'manager-1')
    const overtaken = await bench.release()
    const signed = await bench.release()
    for (const person of ['manager-1', 'manager-2']) await bench.approve(signed, person)
    const states = await Promise.all(
      [waiting, rejected, overtaken, signed].map(async (each) =>
        String((await bench.call('GET', `/releases/${String(each['id'])}`, 'auditor')).body['state']),
      ),
    )
    expect(states).toEqual(['overtaken', 'rejected', 'overtaken', 'signed'])
    const last = await bench.release()
    for (const each of [waiting, rejected, overtaken, signed, last]) await age(imageOf(each), 40)
    expect(digestsIn(await prune(false))).toEqual([imageOf(rejected)])
    for (const each of [waiting, overtaken, signed, last]) expect(await isStored(imageOf(each))).toBe(true)
  })

  it('keeps the bytes for as long as another namespace has them', async () => {
    const { digest } = await uploaded()
    await bench.server.database.query(
      `INSERT INTO firmware (namespace, sha256, size_bytes, uploaded_at, uploaded_by, used_at)
        SELECT 'gateway/other', sha256, size_bytes, uploaded_at, uploaded_by, used_at FROM firmware WHERE sha256 = $1`,
      [Buffer.from(digest, 'hex')],
    )
    expect(digestsIn(await prune(false))).toEqual([digest])
    expect(await isStored(digest)).toBe(true)
  })

  it.each([0, 1.5, -1])('refuses %d days', async (unusedDays) => {
    const reply = await prune(true, unusedDays)
    expect(refusalIn(reply)).toMatchObject({ status: 400, detail: { field: 'unusedDays' } })
  })

  /** Both write an entry of the audit last: whoever holds that lock stops them there, after all they have decided. */
  const atTheSameTime = async (
    first: () => Promise<Reply>,
    second: () => Promise<Reply>,
  ): Promise<readonly [Reply, Reply]> => {
    const client = new pg.Client({ connectionString: bench.server.config.databaseUrl })
    await client.connect()
    const waiting = async (count: number): Promise<void> => {
      const asked = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
      await eventually(async () => expect((await client.query<{ n: number }>(asked)).rows[0]?.n).toBe(count))
    }
    try {
      await client.query('BEGIN')
      const lock = `audit ${bench.trust.namespace}`
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lock])
      const one = first()
      await waiting(1)
      const two = second()
      await waiting(2)
      await client.query('COMMIT')
      return [await one, await two]
    } finally {
      await client.end()
    }
  }
  const submitted = async (): Promise<{ digest: string; create: () => Promise<Reply> }> => {
    const { image, digest } = await uploaded()
    const { requestId } = (await bench.submit(image)).body
    await age(digest, 40)
    return { digest, create: () => bench.call('POST', '/releases', 'engineer', { requestId }) }
  }

  it('does not take the bytes of a release that is being made', async () => {
    const { digest, create } = await submitted()
    const [release, pruned] = await atTheSameTime(create, () => prune(false))
    expect(release.status).toBe(201)
    expect(digestsIn(pruned)).not.toContain(digest)
    expect(await isStored(digest)).toBe(true)
  }, 30_000)

  it('lets no release be made of bytes that are being given up', async () => {
    const { digest, create } = await submitted()
    const [pruned, release] = await atTheSameTime(() => prune(false), create)
    expect(digestsIn(pruned)).toContain(digest)
    expect(refusalIn(release)).toEqual({ status: 409, code: 'FIRMWARE_PRUNED', detail: { sha256: digest } })
    expect(await isStored(digest)).toBe(false)
  }, 30_000)
})
