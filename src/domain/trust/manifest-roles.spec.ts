import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf } from '../../../test/support/trust-fixture.js'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { acceptUpdate, type UpdateOffer } from './accept-update.js'

const b = makeSoftKey()
const nextB = makeSoftKey()
let fixture: UpdateFixture
let a: SoftKey
beforeAll(async () => {
  const plain = await UpdateFixture.make()
  fixture = plain
  a = plain.trust.roleKey('manifest-a')
})

/** Offered under a root that lists two keys for manifest-b, the second of which begins tomorrow. */
async function offer(signers: readonly SoftKey[], threshold = 1): Promise<UpdateOffer> {
  const { trust } = fixture
  const keys = new Map(trust.root.keys)
    .set(b.keyIdHex, rootKeyOf(b, trust.now))
    .set(nextB.keyIdHex, rootKeyOf(nextB, trust.now, { notBefore: trust.now + 86_400 }))
  const roles = new Map(trust.root.roles).set('manifest-b', { threshold, keyIds: [b.keyIdHex, nextB.keyIdHex] })
  const { bytes } = await trust.nextRoot({ keys, roles })
  return fixture.offer({ roots: [bytes], envelope: await fixture.envelope(undefined, signers) })
}
const refusal = async (...signers: SoftKey[]) => refusalOf(fixture.state, await offer(signers), fixture.context())
const missing = (role: string): object => ({ step: 12, code: 'SIGNATURE_MISSING', detail: { role } })

describe('where the root lists role manifest-b, an update', () => {
  it('is taken with the signatures of both, in either order', async () => {
    for (const signers of [
      [a, b],
      [b, a],
    ]) {
      const accepted = acceptUpdate(fixture.state, await offer(signers), fixture.context(), () => undefined)
      expect(new Set(accepted.countedKeyIds)).toEqual(new Set([a.keyIdHex, b.keyIdHex]))
    }
  })
  it('is refused with one of them alone, also when it signed twice', async () => {
    expect(await refusal(a)).toEqual(missing('manifest-b'))
    expect(await refusal(a, a)).toEqual(missing('manifest-b'))
    expect(await refusal(b)).toEqual(missing('manifest-a'))
    expect(await refusal(b, b)).toEqual(missing('manifest-a'))
  })
  it('is refused with a successor that has not begun', async () => {
    expect(await refusal(a, nextB)).toMatchObject({ step: 12, code: 'KEY_NOT_ACTIVE' })
  })
  it('is refused when the threshold counts one key for two', async () => {
    expect(refusalOf(fixture.state, await offer([a, b, b], 2), fixture.context())).toEqual(missing('manifest-b'))
  })
  it('is taken with a ninth block refused, and eight looked at', async () => {
    const strangers = Array.from({ length: 6 }, () => makeSoftKey())
    const eight = await offer([...strangers, a, b])
    expect(acceptUpdate(fixture.state, eight, fixture.context(), () => undefined).countedKeyIds).toHaveLength(2)
    expect(await refusal(...strangers, a, b, b)).toEqual({
      step: 12,
      code: 'ENVELOPE_BLOCK',
      detail: { why: 'more than 8 blocks' },
    })
  })
})

it('where the root does not list it, the second signature is not asked for', async () => {
  const accepted = acceptUpdate(fixture.state, await fixture.offer(), fixture.context(), () => undefined)
  expect(accepted.countedKeyIds).toEqual([a.keyIdHex])
})
