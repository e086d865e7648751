import { beforeAll, describe, expect, it } from '@jest/globals'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { acceptUpdate, refreshTrust } from './accept-update.js'
import type { Krl } from './krl.js'

let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make()
})

const signKrl = (change: Partial<Krl>): Promise<Uint8Array> => fixture.trust.signKrl(fixture.trust.krl(change))

describe('a freshness statement that held', () => {
  it('serves again for a day when an answer comes without one, and not after a new epoch', async () => {
    const offer = await fixture.offer()
    const { state } = acceptUpdate(fixture.state, offer, fixture.context(), () => undefined)
    const without = { ...offer, freshness: null }
    const at = (clockSeconds: number) => fixture.context({ clockSeconds })
    const expires = fixture.trust.now + 86_395
    expect(() => refreshTrust(state, without, at(expires - 1), () => undefined)).not.toThrow()
    expect(refusalOf(state, without, at(expires))).toMatchObject({ step: 9, code: 'FRESHNESS_EXPIRED' })
    const next = await fixture.trust.nextRoot({ epoch: 2 })
    const krl = await signKrl({ epoch: 2 })
    expect(refusalOf(state, { ...without, krl, roots: [next.bytes] }, fixture.context())).toMatchObject({
      step: 9,
      code: 'FRESHNESS_MISSING',
    })
  })

  it('may be from an hour ahead: clocks of devices are behind at times', async () => {
    const krl = await signKrl({})
    const offer = await fixture.offer({
      krl,
      freshness: await fixture.freshness(krl, { time: fixture.trust.now + 3_600 }),
    })
    expect(() => acceptUpdate(fixture.state, offer, fixture.context(), () => undefined)).not.toThrow()
  })

  it('is not held when it answers a nonce', async () => {
    const nonce = new Uint8Array(16).fill(3)
    const krl = await signKrl({})
    const offer = await fixture.offer({ krl, freshness: await fixture.freshness(krl, { nonce }) })
    const { state } = acceptUpdate(fixture.state, offer, fixture.context({ nonce }), () => undefined)
    expect(state.freshness).toBeNull()
  })
})
