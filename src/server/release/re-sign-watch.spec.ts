import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench, type Reply } from '../../../test/support/people-bench.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf } from '../../../test/support/trust-fixture.js'
import { toBase64Url } from '../../domain/bytes.js'
import { ReSignWatch } from './re-sign-watch.service.js'

describe('a rotation of the manifest key', () => {
  let bench: PeopleBench
  const releases: Reply['body'][] = []
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    for (let index = 0; index < 3; index += 1) {
      const release = await bench.release()
      await bench.approve(release, 'manager-1')
      releases.push((await bench.approve(release, 'manager-2')).body)
    }
  }, 60_000)
  afterAll(() => bench.stop())

  const open = async (): Promise<unknown[]> => {
    await bench.server.app.get(ReSignWatch).look()
    const { body } = await bench.call('GET', '/re-sign-requests', 'auditor')
    return (body['items'] as { releaseId: string }[]).map(({ releaseId }) => releaseId)
  }
  const rollOut = async (release: Reply['body'] | undefined): Promise<Reply> =>
    bench.call('POST', '/rollouts', 'fleet-manager', {
      releaseId: release?.['id'],
      stages: [{ percent: 100 }],
      gate: { confirmedPercent: 90 },
      failureLimit: { count: 1 },
      devicesPerHour: 10,
      devicesTotal: 10,
    })

  it('opens the re-signature of what is still offered, once, and of nothing else', async () => {
    expect(await open()).toEqual([])
    await rollOut(releases[0])
    const successor = makeSoftKey()
    const { root, now } = bench.trust
    const former = bench.trust.roleKey('manifest-a').keyIdHex
    const { bytes } = await bench.trust.nextRoot({
      keys: new Map(root.keys).set(successor.keyIdHex, rootKeyOf(successor, now, { notBefore: now - 60 })),
      roles: new Map(root.roles).set('manifest-a', { threshold: 1, keyIds: [former, successor.keyIdHex] }),
    })
    await bench.call('POST', '/trust/roots', 'security-officer', { root: toBase64Url(bytes) })
    const opened = await open()
    expect(opened).toHaveLength(2)
    expect(opened).toEqual(expect.arrayContaining([releases[0]?.['id'], releases[2]?.['id']]))
    expect(await open()).toHaveLength(2)
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    expect(body['items']).toContainEqual(
      expect.objectContaining({
        event: 'release.re-sign-requested',
        actor: 'server',
        detail: expect.objectContaining({ release: releases[2]?.['id'] }),
      }),
    )
  })
})
