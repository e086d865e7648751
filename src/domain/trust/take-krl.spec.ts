import { beforeAll, describe, expect, it } from '@jest/globals'
import { reachableBytes } from '../../../test/support/reachable-bytes.js'
import { refusedBy } from '../../../test/support/refused.js'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { CLASS_ID, rootKeyOf } from '../../../test/support/trust-fixture.js'
import { UpdateFixture } from '../../../test/support/update-fixture.js'
import { toHex } from '../bytes.js'
import { ESP256, nativeAlgorithms, strictAlgorithms } from '../cose/algorithms.js'
import { acceptUpdate } from './accept-update.js'
import type { Krl } from './krl.js'
import { isKrlLate, takeKrl } from './take-krl.js'
import { decodeTrustState, encodeTrustState, floorOf, type TrustState } from './trust-state.js'
import { walkRoots } from './walk-root.js'

const classId = toHex(CLASS_ID)
let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make()
})
const row = (key: SoftKey, reason = 1) => ({ keyId: key.keyIdHex, reason, time: fixture.trust.now })

async function take(state: TrustState, change: Partial<Krl>, key?: SoftKey): Promise<TrustState> {
  const bytes = await fixture.trust.signKrl(fixture.trust.krl(change), key)
  return takeKrl(state, bytes, fixture.trust.now, strictAlgorithms)
}

describe('what KRLs said', () => {
  it('is united: a later one that leaves out or lowers something takes nothing back', async () => {
    const person = fixture.trust.person('manager-1')
    const digest = 'ab'.repeat(32)
    const change = { keys: [row(person)], manifests: [{ digest, reason: 4 }], floors: new Map([[classId, 9]]) }
    const first = await take(fixture.state, change)
    const second = await take(first, { number: 2, floors: new Map([[classId, 3]]) })
    expect([...(second.krl?.keys ?? [])]).toEqual([[person.keyIdHex, 1]])
    expect([...(second.krl?.manifests ?? [])]).toEqual([[digest, 4]])
    expect(floorOf(second, classId)).toBe(9)
  })

  it('has a number: the same bytes change nothing, others of that number contradict, older ones are refused', async () => {
    const held = await take(fixture.state, { number: 4 })
    expect(await take(held, { number: 4 })).toBe(held)
    await expect(take(held, { number: 4, issued: fixture.trust.now - 9 })).rejects.toMatchObject({
      code: 'KRL_EQUIVOCATION',
      detail: { number: 4 },
    })
    await expect(take(held, { number: 3 })).rejects.toMatchObject({ code: 'KRL_OLD', detail: { held: 4, offered: 3 } })
  })

  it('is late after its next update, which refuses nothing', async () => {
    const { now } = fixture.trust
    const held = await take(fixture.state, { nextUpdate: now })
    expect([isKrlLate(held, now - 1), isKrlLate(held, now), isKrlLate(fixture.state, now)]).toEqual([
      false,
      true,
      false,
    ])
    const krl = await fixture.trust.signKrl(fixture.trust.krl({ nextUpdate: now }))
    const offer = await fixture.offer({ krl })
    expect(() => acceptUpdate(fixture.state, offer, fixture.context(), () => undefined)).not.toThrow()
  })
})

describe('the emergency key', () => {
  it('revokes the krl key, which no krl key can; lists of a successor repeat that, also to whoever never saw the first', async () => {
    const { trust } = fixture
    const stolen = trust.roleKey('krl')
    const named = await take(fixture.state, { keys: [row(stolen), row(trust.person('manager-1'))] })
    expect([...(named.krl?.keys.keys() ?? [])]).toEqual([trust.person('manager-1').keyIdHex])
    const held = await take(await take(fixture.state, {}), { number: 1_001, keys: [row(stolen)] }, trust.emergencyKey)
    await expect(take(held, { number: 1_002 })).rejects.toMatchObject({
      code: 'KEY_REVOKED',
      detail: { keyId: stolen.keyIdHex },
    })
    const successor = makeSoftKey()
    const keys = new Map(trust.root.keys).set(successor.keyIdHex, rootKeyOf(successor, trust.now))
    const roles = new Map(trust.root.roles).set('krl', { threshold: 1, keyIds: [stolen.keyIdHex, successor.keyIdHex] })
    const { bytes } = await trust.nextRoot({ keys, roles })
    const walked = walkRoots(held, [bytes], strictAlgorithms, () => undefined)
    const repeated = await take(walked, { number: 1_003, keys: [row(stolen)] }, successor)
    expect(repeated.krl?.keys.has(stolen.keyIdHex)).toBe(true)
    const fresh = walkRoots(fixture.state, [bytes], strictAlgorithms, () => undefined)
    expect((await take(fresh, { number: 1_003, keys: [row(stolen)] }, successor)).krl?.number).toBe(1_003)
  })

  it('of the next root is out of reach of a list that named it before it was listed', async () => {
    const { trust } = fixture
    const next = makeSoftKey()
    const named = await take(fixture.state, { keys: [row(next), row(trust.person('manager-1'))] })
    const keys = new Map(trust.root.keys).set(next.keyIdHex, rootKeyOf(next, trust.now))
    const roles = new Map(trust.root.roles).set('emergency-krl', { threshold: 1, keyIds: [next.keyIdHex] })
    const { bytes } = await trust.nextRoot({ keys, roles })
    const walked = walkRoots(named, [bytes], strictAlgorithms, () => undefined)
    expect([...(walked.krl?.keys.keys() ?? [])]).toEqual([trust.person('manager-1').keyIdHex])
    expect((await take(walked, { number: 1_001 }, next)).krl?.number).toBe(1_001)
  })
})

it('a list of 500 keys takes less than 1 MB of a device, in memory and in storage', async () => {
  const keys = Array.from({ length: 500 }, (_, index) => ({
    keyId: index.toString(16).padStart(64, '0'),
    reason: 1,
    time: fixture.trust.now,
  }))
  const bytes = await fixture.trust.signKrl(fixture.trust.krl({ keys }))
  // So many that what the engine frees meanwhile does not matter; about 53 kB each was measured.
  const copies: TrustState[] = []
  const before = reachableBytes()
  for (let count = 0; count < 400; count += 1)
    copies.push(takeKrl(fixture.state, bytes, fixture.trust.now, nativeAlgorithms))
  const eachBytes = (reachableBytes() - before) / copies.length
  expect(copies.every((state) => state.krl?.keys.size === 500)).toBe(true)
  expect(eachBytes).toBeLessThan(1_000_000)
  expect(eachBytes).toBeGreaterThan(500 * 32)
  const [first] = copies
  if (first === undefined) throw new Error('no state')
  const stored = encodeTrustState(first)
  expect(stored.length).toBeLessThan(50_000)
  expect(decodeTrustState(stored)).toEqual(first)
})

it('a namespace in which every key is on P-256 works from the root to the update', async () => {
  const second = await UpdateFixture.make({ makeKey: makeP256Key })
  const offer = await second.offer({ roots: [(await second.trust.nextRoot({})).bytes] })
  for (const algorithms of [strictAlgorithms, nativeAlgorithms]) {
    const accepted = acceptUpdate(second.state, offer, second.context({ algorithms }), () => undefined)
    expect(accepted.countedKeyIds).toEqual([second.trust.roleKey('manifest-a').keyIdHex])
    expect(accepted.state.root.version).toBe(2)
  }
  const { keys } = second.trust.root
  expect(new Set([...keys.values()].map(({ alg, key }) => `${alg} ${key.kind}`))).toEqual(new Set([`${ESP256} p256`]))
})

it('a root that pins a P-256 key to Ed25519 lets it sign nothing', async () => {
  const second = await UpdateFixture.make({ makeKey: makeP256Key })
  const key = second.trust.roleKey('manifest-a')
  const keys = new Map(second.trust.root.keys).set(key.keyIdHex, { ...rootKeyOf(key, second.trust.now), alg: -19 })
  const { bytes } = await second.trust.nextRoot({ keys })
  const offer = await second.offer({ roots: [bytes] })
  expect(refusedBy(() => acceptUpdate(second.state, offer, second.context(), () => undefined))).toEqual({
    code: 'ALGORITHM_NOT_ALLOWED',
    detail: { alg: ESP256 },
  })
})
