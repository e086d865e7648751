import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import type { Krl } from '../../domain/trust/krl.js'
import type { RefusalCode } from '../../domain/refusal.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { SignerFixture } from '../../../test/support/signer-fixture.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'

const DAY = 86_400
const gone = makeSoftKey().keyIdHex
let fixture: SignerFixture
let release: SignerClient
let first: Uint8Array
beforeAll(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  await fixture.signFirstKrl(release).then((krl) => (first = krl))
  await fixture.signRelease(release, 5)
  const second = await sign({ keys: [revoked(gone)] })
  first = second.krl
})
afterAll(() => fixture.dispose())

const revoked = (keyId: string) => ({ keyId, reason: 1, time: 1 })

/** KRL 2 and on: repeats what is held, and names the KRL before. */
async function wanted(change: Partial<Krl>): Promise<Krl> {
  const { krlNumber } = await release.request('status', {})
  return fixture.trust.krl({ number: krlNumber + 1, previousSha256: sha256(first), keys: [revoked(gone)], ...change })
}
const sign = async (change: Partial<Krl>, approvers?: readonly string[], operation?: 'krl-renew') => {
  const request = await fixture.krlRequest(await wanted(change), approvers, operation && { operation })
  return release.request('krl', request)
}

describe('a KRL', () => {
  it('is signed with its quorum and taken by devices', async () => {
    const state = anchorState(fixture.trust.rootBytes, nativeAlgorithms)
    const taken = takeKrl(state, first, fixture.clock.seconds, nativeAlgorithms)
    expect(taken.krl).toMatchObject({ number: 2, keys: new Map([[gone, 1]]) })
  })

  const classId = toHex(CLASS_ID)
  const cases: readonly (readonly [string, RefusalCode, number, () => Partial<Krl>])[] = [
    ['of another namespace', 'WRONG_NAMESPACE', 2, () => ({ namespace: 'gateway/dev' })],
    ['with the number of the one held', 'KRL_OLD', 9, () => ({ number: 2 })],
    ['that drops a revoked key', 'KRL_CONTENT', 9, () => ({ keys: [] })],
    ['with another hash of the KRL before', 'KRL_CONTENT', 9, () => ({ previousSha256: new Uint8Array(32) })],
    ['with a floor above what was signed', 'KRL_CONTENT', 9, () => ({ floors: new Map([[classId, 6]]) })],
    [
      'that lives longer than the root allows',
      'KRL_CONTENT',
      9,
      () => ({ hardExpiry: fixture.trust.now - 10 + 91 * DAY }),
    ],
    ['from the future', 'KRL_CONTENT', 9, () => ({ issued: fixture.clock.seconds + 3_600 })],
    ['for a root that is not held', 'KRL_NEEDS_ROOT', 9, () => ({ leastRootVersion: 2 })],
    ['of another epoch', 'KRL_EPOCH', 9, () => ({ epoch: 2 })],
    [
      'that revokes an emergency key',
      'KRL_ENTRY_FORBIDDEN',
      9,
      () => ({ keys: [revoked(gone), revoked(fixture.trust.emergencyKey.keyIdHex)] }),
    ],
    [
      'that revokes the krl key itself',
      'KRL_ENTRY_FORBIDDEN',
      9,
      () => ({ keys: [revoked(gone), revoked(fixture.keyIds.get('krl') ?? '')] }),
    ],
  ]
  it.each(cases)('%s is refused', async (_, code, check, change) => {
    await expect(sign(change())).rejects.toEqual(refusedBySigner(code, check))
  })

  it('of the first number may be any above those held, with a floor of what was signed', async () => {
    const { krl } = await sign({ number: 7, floors: new Map([[classId, 5]]) })
    first = krl
    expect(await release.request('status', {})).toMatchObject({ krlNumber: 7 })
  })

  it('is renewed by one person when nothing but number and dates change', async () => {
    const floors = new Map([[classId, 5]])
    await expect(sign({ floors }, ['security-1'])).rejects.toEqual(refusedBySigner('QUORUM_NOT_MET', 12))
    first = (await sign({ floors }, ['security-1'], 'krl-renew')).krl
    expect(await release.request('status', {})).toMatchObject({ krlNumber: 8 })
  })

  it('that changes something is no renewal', async () => {
    const change = { floors: new Map([[classId, 5]]), keys: [revoked(gone), revoked(makeSoftKey().keyIdHex)] }
    await expect(sign(change, ['security-1'], 'krl-renew')).rejects.toEqual(refusedBySigner('APPROVAL_MISMATCH', 12))
  })

  it('without approvals, or with those of other people, is refused', async () => {
    const change = { floors: new Map([[classId, 5]]), keys: [revoked(gone), revoked(makeSoftKey().keyIdHex)] }
    await expect(sign(change, [])).rejects.toEqual(refusedBySigner('APPROVALS_MISSING', 12))
    await expect(sign(change, ['manager-1', 'manager-2'])).rejects.toEqual(refusedBySigner('QUORUM_NOT_MET', 12))
  })
})
