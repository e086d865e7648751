import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ShiftedClock } from '../../../test/support/hand-server-clock.js'
import { PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { TrustFixture } from '../../../test/support/trust-fixture.js'
import { toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { WindowWatch } from './window-watch.service.js'

const HOUR = 3_600

describe('a change window', () => {
  const clock = new ShiftedClock()
  let bench: PeopleBench
  beforeAll(async () => {
    const now = Math.floor(Date.now() / 1_000)
    const fromSecond = ((Math.floor(now / HOUR) + 2) % 24) * HOUR
    const windows = [{ days: 127, fromSecond, toSecond: fromSecond + HOUR }]
    const limits = { windows, firmwareFormats: ['unknown'] as const }
    bench = await PeopleBench.start({ trust: await TrustFixture.make({ now, policy: { limits } }), clock })
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  /** As the signer leaves it that has this answer to a quorum. */
  async function refused(code: 'CHANGE_WINDOW_CLOSED' | 'KRL_EXPIRED'): Promise<Reply['body']> {
    const release = await bench.release()
    const life = { expires: bench.trust.now + 4 * HOUR }
    await bench.approve(release, 'manager-1', life)
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code, check: 13 })
    expect(refusalIn(await bench.approve(release, 'manager-2', life))).toMatchObject({ code: 'SIGNER_REFUSED' })
    return release
  }
  const stateAfterLook = async (release: Reply['body']): Promise<unknown> => {
    await bench.server.app.get(WindowWatch).look()
    return (await bench.call('GET', `/releases/${String(release['id'])}`, 'auditor')).body['state']
  }

  it('has what was approved while it was closed signed when it opens, and not before', async () => {
    const release = await refused('CHANGE_WINDOW_CLOSED')
    expect(await stateAfterLook(release)).toBe('awaiting-approval')
    expect(bench.signers.signed).toHaveLength(0)
    clock.shiftSeconds = 2 * HOUR
    expect(await stateAfterLook(release)).toBe('signed')
  })

  it('has a re-signature made that was approved while it was closed', async () => {
    const release = await bench.release()
    const life = { expires: bench.trust.now + 4 * HOUR }
    for (const person of ['manager-1', 'manager-2']) await bench.approve(release, person, life)
    const path = `/releases/${String(release['id'])}/re-sign`
    const { id } = (await bench.call('POST', path, 'approver')).body
    const fields = { operation: 're-sign', requestId: String(id), ...life }
    for (const person of ['manager-1', 'manager-2']) {
      bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'CHANGE_WINDOW_CLOSED', check: 13 })
      const approval = toBase64Url(await bench.approval(release, person, fields))
      await bench.call('POST', `${path}/approvals`, 'approver', { approval })
    }
    expect((await bench.call('GET', path, 'auditor')).body).toMatchObject({ state: 'awaiting-approval' })
    await bench.server.app.get(WindowWatch).look()
    expect((await bench.call('GET', path, 'auditor')).body).toMatchObject({ state: 'signed', lastRefusal: null })
  })

  it('asks once more for nothing else, and not again for what is refused then', async () => {
    const other = await refused('KRL_EXPIRED')
    expect(await stateAfterLook(other)).toBe('awaiting-approval')
    const release = await refused('CHANGE_WINDOW_CLOSED')
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'RATE_EXCEEDED', check: 14 })
    expect(await stateAfterLook(release)).toBe('awaiting-approval')
    expect(await stateAfterLook(release)).toBe('awaiting-approval')
  })
})
