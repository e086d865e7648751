import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf } from '../../../test/support/trust-fixture.js'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { acceptUpdate, type UpdateOffer } from './accept-update.js'
import type { Freshness } from './freshness.js'
import { takeKrl } from './take-krl.js'
import { walkRoots } from './walk-root.js'
import { strictAlgorithms } from '../cose/algorithms.js'
import type { TrustState } from './trust-state.js'

const DAY = 86_400
const nonce = new Uint8Array(16).fill(3)
let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make()
})
const context = () => fixture.context({ clockSeconds: null, nonce })

/** Two years on the shelf: it knows root 1 of then, and nothing of today's keys. */
const fromTheShelf = (): TrustState => ({ ...fixture.state, latestSeconds: fixture.trust.now - 730 * DAY })

async function offer(change: Partial<Freshness> = {}, key?: SoftKey): Promise<UpdateOffer> {
  const krl = await fixture.trust.signKrl(fixture.trust.krl())
  return fixture.offer({ krl, freshness: await fixture.freshness(krl, { nonce, ...change }, key) })
}

describe('a device without a clock', () => {
  it('from the shelf learns the time from a key that it had never heard to be active', async () => {
    const accepted = acceptUpdate(fromTheShelf(), await offer(), context(), () => undefined)
    expect(accepted.state.latestSeconds).toBe(fixture.trust.now - 5)
  })
  it('believes no key about a time at which that key is not active', async () => {
    const { keyIdHex: keyId } = fixture.trust.roleKey('freshness')
    const [notBefore, notAfter] = [fixture.trust.now - 3_600, fixture.trust.now + 90 * DAY]
    for (const time of [notAfter, notBefore - 1])
      expect(refusalOf(fromTheShelf(), await offer({ time }), context())).toEqual({
        step: 4,
        code: 'KEY_NOT_ACTIVE',
        detail: { keyId, notBefore, notAfter, now: time },
      })
  })
  it('never goes back: a statement that tells an earlier time changes nothing', async () => {
    const late = { ...fixture.state, latestSeconds: fixture.trust.now + 60 }
    const accepted = acceptUpdate(late, await offer(), context(), () => undefined)
    expect(accepted.state.latestSeconds).toBe(fixture.trust.now + 60)
  })
  it('is told the time by no statement without its nonce, and by none at all when it sent none', async () => {
    expect(refusalOf(fixture.state, await fixture.offer(), context())).toMatchObject({
      step: 4,
      code: 'FRESHNESS_NONCE',
    })
    const asked = fixture.context({ clockSeconds: null, nonce: null })
    expect(refusalOf(fixture.state, await offer(), asked)).toMatchObject({ step: 4, code: 'FRESHNESS_NONCE' })
  })
  it('refuses an assignment that ended before the time it was told', async () => {
    const late = { ...(await offer()), assignment: await fixture.assignment({ expires: fixture.trust.now - 5 }) }
    expect(refusalOf(fromTheShelf(), late, context())).toMatchObject({ step: 10, code: 'ASSIGNMENT_EXPIRED' })
  })
})

describe('a stolen key that tells a time far ahead', () => {
  it('cannot do so beyond its own life', async () => {
    const { trust } = fixture
    const end = trust.now + 90 * DAY
    const detail = { keyId: trust.roleKey('krl').keyIdHex, notBefore: trust.now - 3_600, notAfter: end, now: end }
    const krl = await trust.signKrl(trust.krl({ issued: end, hardExpiry: Number.MAX_SAFE_INTEGER }))
    expect(refusalOf(fixture.state, await fixture.offer({ krl }), fixture.context())).toEqual({
      step: 6,
      code: 'KEY_NOT_ACTIVE',
      detail,
    })
  })
  it('is made good by a root with a new epoch', async () => {
    const { trust } = fixture
    const krl = await trust.signKrl(trust.krl({ number: 9, issued: trust.now + 80 * DAY }))
    const pushed = takeKrl(fixture.state, krl, trust.now, strictAlgorithms)
    expect(pushed.latestSeconds).toBe(trust.now + 80 * DAY)
    const successor = makeSoftKey()
    const keys = new Map(trust.root.keys).set(successor.keyIdHex, rootKeyOf(successor, trust.now))
    const next = async (epoch: number): Promise<TrustState> => {
      const { bytes } = await trust.nextRoot({ keys, epoch })
      return walkRoots(pushed, [bytes], strictAlgorithms, () => undefined)
    }
    expect(await next(1)).toMatchObject({ latestSeconds: trust.now + 80 * DAY, krl: { number: 9 } })
    expect(await next(2)).toMatchObject({ latestSeconds: trust.root.issued, krl: null })
  })
})
