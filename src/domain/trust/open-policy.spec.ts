import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeSoftKeys, type SoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf, signPolicy, TrustFixture } from '../../../test/support/trust-fixture.js'
import { toHex } from '../bytes.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { keyIdHexOf } from '../cose/cose-key.js'
import { encodeProtected } from '../cose/headers.js'
import { encodeSign, makeOneSignature, type OneSignature } from '../cose/sign.js'
import { labelOf } from './labels.js'
import { heldPolicyOf, openPolicy } from './open-policy.js'
import { encodePolicy, parsePolicy, type Person, type Policy } from './policy.js'
import { anchorState, type TrustState } from './trust-state.js'

const fixture = await TrustFixture.make()
const { policy, policyBytes, policyKeys, now, rootKeys } = fixture
const state = anchorState(fixture.rootBytes, nativeAlgorithms)
const held = heldPolicyOf(policyBytes)
const [first, second] = policyKeys
if (first === undefined || second === undefined) throw new Error('the fixture has no policy keys')

const [stranger] = rootKeys
if (stranger === undefined) throw new Error('the fixture has no root keys')
const nobody = { keyId: stranger.keyIdHex, role: 'policy' }

/** Signed by enough holders, and by somebody more who counts for nothing. */
async function withSurplus(change: Partial<OneSignature>): Promise<Uint8Array> {
  const payload = encodePolicy(policy)
  const [one, two, more] = await Promise.all(
    [first, second, stranger].map((key) => makeOneSignature(key as SoftKey, payload, labelOf('policy'))),
  )
  if (one === undefined || two === undefined || more === undefined) throw new Error('three signatures')
  const alg = change.alg ?? more.alg
  return encodeSign(payload, [one, two, { ...more, ...change, protectedBytes: encodeProtected(alg, more.keyId) }])
}

it('is taken the first time, again, and when it is newer', async () => {
  expect(openPolicy(state, policyBytes, null, now, nativeAlgorithms)).toEqual(policy)
  expect(openPolicy(state, policyBytes, held, now, nativeAlgorithms).version).toBe(1)
  const next = await fixture.nextPolicy({})
  expect(openPolicy(state, next.bytes, held, now, nativeAlgorithms).version).toBe(2)
})

describe('that more holders signed than it needs', () => {
  const [third, ...others] = makeSoftKeys(2)
  if (third === undefined) throw new Error('no key')
  const crowd = [...policyKeys, third, ...others]
  const listing = (holders: readonly SoftKey[]): TrustState['root'] => ({
    ...state.root,
    keys: new Map([...state.root.keys, ...holders.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)]),
    roles: new Map(state.root.roles).set('policy', { threshold: 2, keyIds: holders.map(({ keyIdHex }) => keyIdHex) }),
  })
  const under = (holders: readonly SoftKey[]): TrustState => ({ ...state, root: listing(holders) })

  it('is the one that is held whoever of its holders signed it', async () => {
    const signedByOthers = await signPolicy(policy, [first, third])
    expect(signedByOthers).not.toEqual(policyBytes)
    expect(openPolicy(under(crowd), signedByOthers, held, now, nativeAlgorithms)).toEqual(policy)
  })
  it('is taken, and each of their signatures has to be good', async () => {
    const bytes = await signPolicy(policy, crowd)
    expect(openPolicy(under(crowd), bytes, held, now, nativeAlgorithms)).toEqual(policy)
    const payload = encodePolicy(policy)
    const [one, two, three] = await Promise.all(
      [first, second, third].map((key) => makeOneSignature(key, payload, labelOf('policy'))),
    )
    if (one === undefined || two === undefined || three === undefined) throw new Error('three signatures')
    const spoiled = encodeSign(payload, [one, two, { ...three, signature: one.signature }])
    const refused = refusedBy(() => openPolicy(under(crowd), spoiled, held, now, nativeAlgorithms))
    expect(refused).toEqual({ code: 'SIGNATURE_INVALID', detail: { keyId: third.keyIdHex } })
  })
  it('is refused once a root drops one of them, and taken again without that one’s signature', async () => {
    const dropped = under([...policyKeys, ...others])
    const before = await signPolicy(policy, [...policyKeys, third])
    expect(openPolicy(under(crowd), before, held, now, nativeAlgorithms)).toEqual(policy)
    const refused = refusedBy(() => openPolicy(dropped, before, held, now, nativeAlgorithms))
    expect(refused).toEqual({ code: 'KEY_UNKNOWN', detail: { keyId: third.keyIdHex, role: 'policy' } })
    expect(openPolicy(dropped, policyBytes, held, now, nativeAlgorithms)).toEqual(policy)
  })
})

describe('refuses a policy', () => {
  const revoked: TrustState = {
    ...state,
    krl: {
      ...{
        number: 1,
        sha256: '',
        issued: now,
        nextUpdate: now,
        hardExpiry: now,
        manifests: new Map(),
        floors: new Map(),
      },
      keys: new Map([[first.keyIdHex, 1]]),
    },
  }
  const signed = (change: Partial<Policy>): Promise<Uint8Array> => signPolicy({ ...policy, ...change }, policyKeys)
  const table: [name: string, TrustState, make: () => Promise<Uint8Array>, code: string, detail: object][] = [
    [
      'of one signature',
      state,
      () => signPolicy(policy, [first]),
      'THRESHOLD_NOT_MET',
      { role: 'policy', needed: 2, counted: 1 },
    ],
    [
      'of two signatures by one key',
      state,
      () => signPolicy(policy, [first, first]),
      'SIGNATURE_DUPLICATE',
      { keyId: first.keyIdHex },
    ],
    ['and a good one of another role', state, () => withSurplus({}), 'KEY_UNKNOWN', nobody],
    [
      'and one signature of no bytes',
      state,
      () => withSurplus({ signature: new Uint8Array(0) }),
      'KEY_UNKNOWN',
      nobody,
    ],
    ['and one of another algorithm', state, () => withSurplus({ alg: -8 }), 'KEY_UNKNOWN', nobody],
    [
      'by the root’s holders',
      state,
      () => signPolicy(policy, rootKeys),
      'THRESHOLD_NOT_MET',
      { role: 'policy', needed: 2, counted: 0 },
    ],
    ['by nobody', state, () => signPolicy(policy, []), 'THRESHOLD_NOT_MET', { role: 'policy', needed: 2, counted: 0 }],
    ['by a revoked key', revoked, () => signed({}), 'KEY_REVOKED', { keyId: first.keyIdHex }],
    [
      'of another namespace',
      state,
      () => signed({ namespace: 'gateway/dev' }),
      'WRONG_NAMESPACE',
      { expected: 'gateway/prod', found: 'gateway/dev' },
    ],
    ['that is older', state, () => signed({ version: 0 }), 'POLICY_VERSION', { held: 1, offered: 0 }],
    ['of the same version with other content', state, () => signed({ issued: 1 }), 'POLICY_CHANGED', { version: 1 }],
    ['that ended', state, () => signed({ version: 2, expires: now }), 'POLICY_EXPIRED', { expires: now, now }],
    [
      'that was signed as a root',
      state,
      async () => {
        const payload = encodePolicy(policy)
        const label = labelOf('root')
        return encodeSign(payload, await Promise.all(policyKeys.map((key) => makeOneSignature(key, payload, label))))
      },
      'SIGNATURE_INVALID',
      { keyId: policyKeys.map(({ keyIdHex }) => keyIdHex).toSorted()[0] },
    ],
  ]
  it.each(table)('%s', async (_, from, make, code, detail) => {
    const bytes = await make()
    expect(refusedBy(() => openPolicy(from, bytes, held, now, nativeAlgorithms))).toEqual({ code, detail })
  })

  it('by a key after its life', () => {
    const later = now + 91 * 86_400
    expect(refusedBy(() => openPolicy(state, policyBytes, null, later, nativeAlgorithms)).code).toBe('KEY_NOT_ACTIVE')
  })
})

describe('what a policy says is refused', () => {
  const person = (change: Partial<Person>): Partial<Policy> => {
    const one: Person = { name: 'manager-1', keys: [first.key], roles: ['release-manager'], notAfter: 1, ...change }
    return { persons: new Map([[one.name, one]]) }
  }
  const two = (keys: Person['keys']): Partial<Policy> => ({
    persons: new Map(['manager-1', 'manager-2'].map((name) => [name, { name, keys, roles: [], notAfter: 1 }])),
  })
  it.each([
    ['with a key under two names', two([second.key]), '6', 'a key is listed twice'],
    ['with a key twice', person({ keys: [first.key, first.key] }), '6', 'a key is listed twice'],
    ['with an unknown role', person({ roles: ['admin' as never] }), '6', 'unknown role'],
    ['with a person without a name', person({ name: '' }), '6', 'not a text of 1 to 64 characters'],
    [
      'with an unknown operation',
      { quorums: new Map([['format' as never, '1 of security']]) },
      '7',
      'unknown operation',
    ],
    ['with a quorum that is none', { quorums: new Map([['sign', 'anybody']]) }, '7', 'not a quorum expression'],
    ['with a short vendor id', { vendorId: new Uint8Array(15) }, '9', 'not 16 bytes'],
    ['with a short class id', { classes: new Map([['00'.repeat(15), []]]) }, '9', 'not 16 bytes'],
    [
      "with a builder under another key's name",
      { builders: new Map([[toHex(new Uint8Array(32)), { key: first.key, name: 'builder-1' }]]) },
      '12',
      'a keyid is not the thumbprint of its key',
    ],
    [
      "with a builder that has a person's key",
      { ...person({}), builders: new Map([[keyIdHexOf(first.key), { key: first.key, name: 'builder-1' }]]) },
      '12',
      'a key is also a person’s',
    ],
    ['with builders and none of them', { builders: new Map() }, '12', 'empty'],
  ] as [string, Partial<Policy>, string, string][])('%s', (_, change, field, why) => {
    expect(refusedBy(() => parsePolicy(encodePolicy({ ...policy, ...change })))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'policy', field, why },
    })
  })
})

it.each(['2 of release-manager', '1 of release-manager'])(
  'refuses a policy whose windows keep nobody out: break-glass by "%s"',
  (breakGlass) => {
    const payload = encodePolicy({ ...policy, limits: { breakGlass } })
    expect(refusedBy(() => parsePolicy(payload))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'policy', field: '8', why: 'breakGlass asks for nobody beyond the quorum of sign' },
    })
  },
)
