import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeSoftKey, makeSoftKeys, type SoftKey } from '../../../test/support/soft-key.js'
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
const twice = ({ keyIdHex }: SoftKey): object => ({
  step: 12,
  code: 'SIGNATURE_DUPLICATE',
  detail: { keyId: keyIdHex },
})
const missing = (role: string): object => ({ step: 12, code: 'SIGNATURE_MISSING', detail: { role } })

describe('where the root lists role manifest-b, an update', () => {
  it('is taken with the signatures of both, in ascending order of their key ids and in no other', async () => {
    const offered = await offer([a, b])
    const { countedKeyIds } = acceptUpdate(fixture.state, offered, fixture.context(), () => undefined)
    expect(countedKeyIds).toEqual([a.keyIdHex, b.keyIdHex].toSorted())
    const [first, second] = a.keyIdHex < b.keyIdHex ? [a, b] : [b, a]
    const envelope = await fixture.envelopeAsGiven(fixture.manifest(), [second, first])
    expect(refusalOf(fixture.state, { ...offered, envelope }, fixture.context())).toEqual({
      step: 12,
      code: 'COSE_MALFORMED',
      detail: { why: 'signatures are not in ascending order of their keyids' },
    })
  })
  it('is refused with one of them alone, also when it signed twice', async () => {
    expect(await refusal(a)).toEqual(missing('manifest-b'))
    expect(await refusal(b)).toEqual(missing('manifest-a'))
    for (const key of [a, b]) expect(await refusal(key, key)).toEqual(twice(key))
  })
  it('is refused with a signature beside them that counts for nothing', async () => {
    const { trust } = fixture
    const [stranger, other] = [makeSoftKey(), trust.roleKey('assignment')]
    const role = 'manifest-a or manifest-b'
    for (const { keyIdHex, ...key } of [stranger, other])
      expect(await refusal(a, b, { keyIdHex, ...key })).toEqual({
        step: 12,
        code: 'KEY_UNKNOWN',
        detail: { keyId: keyIdHex, role },
      })
    const forged = { ...nextB, keyId: b.keyId, keyIdHex: b.keyIdHex }
    expect(await refusal(a, forged)).toEqual({
      step: 12,
      code: 'SIGNATURE_INVALID',
      detail: { keyId: b.keyIdHex },
    })
  })
  it('is refused with a successor that has not begun', async () => {
    expect(await refusal(a, nextB)).toMatchObject({ step: 12, code: 'KEY_NOT_ACTIVE' })
  })
  it('is refused when the threshold counts one key for two', async () => {
    expect(refusalOf(fixture.state, await offer([a, b, b], 2), fixture.context())).toEqual(twice(b))
    expect(refusalOf(fixture.state, await offer([a, b], 2), fixture.context())).toEqual(missing('manifest-b'))
  })
  it('is refused with a ninth block before one is looked at', async () => {
    expect(await refusal(...makeSoftKeys(6), a, b)).toMatchObject({ step: 12, code: 'KEY_UNKNOWN' })
    expect(await refusal(...makeSoftKeys(6), a, b, b)).toEqual({
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
