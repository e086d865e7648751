import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { rootKeyOf, signRoot } from '../../../test/support/trust-fixture.js'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { acceptUpdate } from './accept-update.js'
import type { Krl } from './krl.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { anchorState, type TrustState } from './trust-state.js'
import { takeRoot } from './walk-root.js'

let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make()
})

const signKrl = (change: Partial<Krl>): Promise<Uint8Array> => fixture.trust.signKrl(fixture.trust.krl(change))

describe('the root walk', () => {
  const change = { issued: 1, expires: 2 }
  it('goes through expired roots, stops at an expired last one', async () => {
    const second = await fixture.trust.nextRoot(change)
    const third = await fixture.trust.nextRoot({ expires: fixture.trust.root.expires }, second.root)
    const roots = [fixture.trust.rootBytes, second.bytes, third.bytes]
    const { state } = acceptUpdate(fixture.state, await fixture.offer({ roots }), fixture.context(), () => undefined)
    expect(state.root.version).toBe(3)
    expect(refusalOf(fixture.state, await fixture.offer({ roots: [second.bytes] }), fixture.context())).toEqual({
      code: 'ROOT_EXPIRED',
      step: 5,
      detail: { expires: 2, now: fixture.trust.now },
    })
  })

  it('refuses a gap, a lowered floor, another namespace, one signature short', async () => {
    const third = await fixture.trust.nextRoot({ version: 3 })
    const lowered = await fixture.trust.nextRoot({ epoch: 0 })
    const foreign = await fixture.trust.nextRoot({ namespace: 'gateway/dev' })
    const codes = []
    for (const { bytes } of [third, lowered, foreign])
      codes.push(refusalOf(fixture.state, await fixture.offer({ roots: [bytes] }), fixture.context()))
    expect(codes.map(({ code, step }) => [code, step])).toEqual([
      ['ROOT_VERSION', 2],
      ['ROOT_FLOOR_LOWERED', 2],
      ['WRONG_NAMESPACE', 2],
    ])
  })

  it('needs the holders of the old root and those of the new one', async () => {
    const newcomers = [makeSoftKey(), makeSoftKey()]
    const keys = new Map(fixture.trust.root.keys)
    for (const key of newcomers) keys.set(key.keyIdHex, rootKeyOf(key, fixture.trust.now))
    const roles = new Map(fixture.trust.root.roles)
    roles.set('root', { threshold: 2, keyIds: newcomers.map((key) => key.keyIdHex) })
    const taken = await fixture.trust.nextRoot({ keys, roles })
    expect(refusalOf(fixture.state, await fixture.offer({ roots: [taken.bytes] }), fixture.context())).toEqual({
      code: 'THRESHOLD_NOT_MET',
      step: 2,
      detail: { role: 'root', needed: 2, counted: 0 },
    })
  })

  it('takes no root, in firmware or after it, with a signature by nobody who holds it or the one before', async () => {
    const { rootKeys, root } = fixture.trust
    const stranger = makeSoftKey()
    const nobody = { code: 'KEY_UNKNOWN', detail: { keyId: stranger.keyIdHex, role: 'root' } }
    const first = await signRoot(root, [...rootKeys, stranger])
    expect(refusedBy(() => anchorState(first, nativeAlgorithms))).toEqual(nobody)
    expect(anchorState(await signRoot(root, rootKeys), nativeAlgorithms).root).toEqual(root)
    const second = await signRoot({ ...root, version: 2 }, [...rootKeys, stranger])
    expect(refusedBy(() => takeRoot(fixture.state, second, nativeAlgorithms))).toEqual(nobody)
  })

  it('forgets revocations at an epoch bump, and only then', async () => {
    const revoking = await signKrl({
      number: 7,
      keys: [{ keyId: fixture.trust.roleKey('assignment').keyIdHex, reason: 1, time: 0 }],
    })
    let state = fixture.state
    const save = (next: TrustState): void => void (state = next)
    const offer = await fixture.offer({ krl: revoking, freshness: await fixture.freshness(revoking, { krlNumber: 7 }) })
    expect(() => acceptUpdate(state, offer, fixture.context(), save)).toThrow(
      expect.objectContaining({ code: 'KEY_REVOKED', step: 10 }) as never,
    )
    const plain = await fixture.trust.nextRoot({})
    expect(refusalOf(state, await fixture.offer({ roots: [plain.bytes] }), fixture.context())).toMatchObject({
      code: 'KRL_OLD',
      step: 6,
    })
    const bumped = await fixture.trust.nextRoot({ epoch: 2 })
    const krl = await signKrl({ epoch: 2 })
    const fresh = await fixture.offer({ roots: [bumped.bytes], krl, freshness: await fixture.freshness(krl) })
    expect(acceptUpdate(state, fresh, fixture.context(), save).state.krl?.keys.size).toBe(0)
  })
})

describe('a device without a clock', () => {
  it('takes the time from a statement with its own nonce, and from no other', async () => {
    const nonce = new Uint8Array(16).fill(3)
    const krl = await signKrl({})
    const offer = await fixture.offer({ krl, freshness: await fixture.freshness(krl, { nonce }) })
    const context = fixture.context({ clockSeconds: null, nonce })
    expect(acceptUpdate(fixture.state, offer, context, () => undefined).state.latestSeconds).toBe(fixture.trust.now - 5)
    const replayed = fixture.context({ clockSeconds: null, nonce: new Uint8Array(16).fill(4) })
    expect(refusalOf(fixture.state, offer, replayed)).toMatchObject({ code: 'FRESHNESS_NONCE', step: 4 })
  })
})
