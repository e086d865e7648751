import { describe, expect, it } from '@jest/globals'
import { makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { rootKeyOf, TrustFixture } from '../../../test/support/trust-fixture.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { dueDates, requireRoleOutlives, type Due } from './falling-due.js'
import type { Root } from './root.js'
import { takeKrl } from './take-krl.js'
import { anchorState, type TrustState } from './trust-state.js'

const NOW = 1_800_000_000
const DAY = 86_400
const trust = await TrustFixture.make({ now: NOW })
const plain = anchorState(trust.rootBytes, nativeAlgorithms)

/** A root whose role manifest-a has keys of these lives, in days from now. */
function stateWith(lives: readonly (readonly [from: number, to: number])[], threshold = 1): [TrustState, SoftKey[]] {
  const keys = lives.map(() => makeSoftKey())
  const rows = keys.map((key, index) => {
    const [from = 0, to = 0] = lives[index] ?? []
    return [key.keyIdHex, rootKeyOf(key, NOW, { notBefore: NOW + from * DAY, notAfter: NOW + to * DAY })] as const
  })
  const root: Root = {
    ...trust.root,
    keys: new Map([...trust.root.keys, ...rows]),
    roles: new Map(trust.root.roles).set('manifest-a', { threshold, keyIds: keys.map(({ keyIdHex }) => keyIdHex) }),
  }
  return [{ ...plain, root }, keys]
}
const dueOf = (state: TrustState, what: string, day = 0): Due | undefined =>
  dueDates(state, trust.policy, NOW + day * DAY).find((row) => row.what === what)
const inDays = (due: Due | undefined): object => ({
  at: ((due?.at ?? 0) - NOW) / DAY,
  ends: ((due?.ends ?? 0) - NOW) / DAY,
})

describe('a role', () => {
  it.each<[string, [number, number][], number, object]>([
    ['with one key is due when that ends', [[0, 90]], 1, { at: 90, ends: 90 }],
    [
      'with successors is due when the last of them starts',
      [
        [0, 90],
        [60, 150],
        [120, 210],
      ],
      1,
      { at: 120, ends: 210 },
    ],
    [
      'stays due after its last successor has started',
      [
        [-100, -10],
        [-20, 70],
      ],
      1,
      { at: -20, ends: 70 },
    ],
    [
      'of two keys together ends with the first of them',
      [
        [0, 50],
        [0, 90],
      ],
      2,
      { at: 50, ends: 50 },
    ],
    ['ends with the root at the latest', [[0, 900]], 1, { at: 390, ends: 390 }],
  ])('%s', (_, lives, threshold, expected) => {
    expect(inDays(dueOf(stateWith(lives, threshold)[0], 'role manifest-a'))).toEqual(expected)
  })

  it('is over when its keys are revoked', async () => {
    const [state, [key]] = stateWith([[0, 90]])
    const entry = { keyId: key?.keyIdHex ?? '', reason: 1, time: NOW }
    const revoked = takeKrl(state, await trust.signKrl(trust.krl({ keys: [entry] })), NOW, nativeAlgorithms)
    expect(dueOf(revoked, 'role manifest-a')).toMatchObject({ ends: 0, notice: 7 })
  })
})

describe('a notice', () => {
  const [state] = stateWith([[0, 90]])

  it.each([
    [59.9, null],
    [60, 30],
    [75.9, 30],
    [76, 14],
    [82.9, 14],
    [83, 7],
    [91, 7],
  ])('on day %d of 90 is that of %s days', (day, notice) => {
    expect(dueOf(state, 'role manifest-a', day)?.notice).toBe(notice)
  })

  it('is given for documents and people too', () => {
    const whats = dueDates(state, trust.policy, NOW).map(({ what }) => what)
    expect(whats).toEqual(expect.arrayContaining(['root', 'policy', 'person manager-1', 'role krl', 'role root']))
  })

  it('of a revocation list comes in the last week before a newer one is due', async () => {
    const held = takeKrl(plain, await trust.signKrl(trust.krl()), NOW, nativeAlgorithms)
    expect([22.9, 23, 31].map((day) => dueOf(held, 'revocation list', day)?.notice)).toEqual([null, 7, 7])
  })
})

describe('what would outlive a manifest role', () => {
  const [single] = stateWith([[0, 90]])
  const [followed] = stateWith([
    [0, 90],
    [60, 150],
  ])
  const begin = (state: TrustState, day: number, until: number) => () =>
    requireRoleOutlives(state, NOW + until * DAY, NOW + day * DAY)

  it('is refused in the last week', () => {
    expect(refusedBy(begin(single, 83, 91))).toEqual({
      code: 'ROLE_ENDS',
      detail: { role: 'manifest-a', ends: NOW + 90 * DAY, until: NOW + 91 * DAY },
    })
  })

  it.each([
    ['before the last week', single, 82.9, 120],
    ['when it is over before the role is', single, 83, 90],
    ['when a successor lives on', followed, 83, 120],
  ] as const)('is begun %s', (_, state, day, until) => {
    expect(begin(state, day, until)).not.toThrow()
  })

  it('is refused with the last successor too', () => {
    expect(refusedBy(begin(followed, 121, 151)).code).toBe('ROLE_ENDS')
  })
})
