import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'
import { ReleasePage } from '../../../test/support/release-page.js'

const DAY = 86_400
let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())

/** Root 2, in which role manifest-a lasts so many days from now, and policy 2, which names an owner. */
async function change(days: number): Promise<string> {
  const { trust } = bench
  const keyId = trust.roleKey('manifest-a').keyIdHex
  const row = trust.root.keys.get(keyId)
  const keys = new Map(trust.root.keys)
  if (row !== undefined) keys.set(keyId, { ...row, notAfter: trust.now + days * DAY })
  const root = await trust.nextRoot({ keys })
  const policy = await trust.nextPolicy({ owners: new Map([[keyId, ['security-1', 'security-2']]]) })
  const krl = await trust.signKrl(trust.krl())
  bench.offer({ roots: [trust.rootBytes, root.bytes], policy: policy.bytes, krl })
  return keyId
}

describe('keys list', () => {
  it('shows owner and deputy, and nothing in red while nothing is due', async () => {
    const keyId = await change(60)
    const { output, alarms } = await bench.run('keys', 'list')
    const line = output.find((each) => each.startsWith(keyId))
    expect(line).toMatch(/ {2}manifest-a +active +.*owner security-1, deputy security-2$/)
    expect(alarms).toEqual([])
    expect(bench.courier.calls.map(({ path }) => path)).toEqual(['/trust'])
  })

  it.each([
    [29, 'is due in 29 days', ' (notice of 30 days)'],
    [13, 'is due in 13 days', ' (notice of 14 days)'],
    [6, 'is due in 6 days', ''],
    [-1, 'was due 1 day ago', ''],
  ])('is red for a role that lasts %d days, and says what to do', async (days, when, notice) => {
    const keyId = await change(days)
    const { output, alarms } = await bench.run('keys', 'list')
    expect(alarms).toHaveLength(2)
    expect(alarms[0]).toContain(keyId)
    expect(alarms[1]).toContain(`DUE: role manifest-a ${when} (`)
    expect(alarms[1]?.endsWith(notice)).toBe(true)
    expect(output.at(-1)).toContain('next: countersign ceremony root spec')
    const [line = ''] = (await bench.run('keys', 'due', '--json')).output
    expect(JSON.parse(line)).toMatchObject([{ what: 'role manifest-a', keyIds: [keyId] }])
  })

  it('is red for a revoked key', async () => {
    const keyId = bench.trust.roleKey('assignment').keyIdHex
    const krl = await bench.trust.signKrl(bench.trust.krl({ keys: [{ keyId, reason: 1, time: 1 }] }))
    bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl })
    const { alarms } = await bench.run('keys', 'list')
    expect(alarms[0]).toMatch(new RegExp(`^${keyId} {2}assignment +revoked`))
    expect(alarms[1]).toBe('DUE: role assignment has too few keys left: the others are revoked')
  })
})

describe('keys status', () => {
  it.each([
    [0, ['revocation list 2: 0 of 3 devices acknowledged it, 3 outstanding']],
    [
      1,
      [
        'revocation list 2: 1 of 3 devices acknowledged it, 2 outstanding',
        'half of them within 5 ms, 99 of 100 within 5 ms, the last after 5 ms',
      ],
    ],
  ])('says how fast it was where %d devices have it', async (acknowledged, expected) => {
    const ms = acknowledged === 0 ? null : 5
    const times = { p50Ms: ms, p99Ms: ms, lastMs: ms }
    const counts = { number: 2, publishedMs: 1, devices: 3, acknowledged, outstanding: 3 - acknowledged }
    bench.courier.on('GET /krl-acknowledgements/2', () => ({ ...counts, ...times }))
    expect(await bench.must('keys', 'status', '2')).toEqual(expected)
  })
})

describe('keys revoke', () => {
  it('says what revokes a key that signs revocation lists', async () => {
    const keyId = bench.trust.roleKey('krl').keyIdHex
    const { errors } = await bench.run('keys', 'revoke', keyId, '--reason', 'compromise', ...bench.keyOf('security-1'))
    expect(errors).toEqual([`refused: KRL_ENTRY_FORBIDDEN (keyId=${keyId})`, expect.stringContaining('keys emergency')])
  })
})

describe('release approve', () => {
  it('is refused in the last week of the manifest role: devices would refuse the release', async () => {
    const page = new ReleasePage(bench)
    await page.show()
    const { trust } = bench
    const keyId = trust.roleKey('manifest-a').keyIdHex
    const row = trust.root.keys.get(keyId)
    const keys = new Map(trust.root.keys)
    if (row !== undefined) keys.set(keyId, { ...row, notAfter: trust.now + 6 * DAY })
    const { bytes } = await trust.nextRoot({ keys })
    bench.offer({ roots: [trust.rootBytes, bytes], policy: trust.policyBytes, krl: await trust.signKrl(trust.krl()) })
    expect((await page.approve()).errors[0]).toContain('refused: ROLE_ENDS (role=manifest-a ends=')
    expect(page.approvals).toEqual([])
  })
})
