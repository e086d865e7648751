import { describe, expect, it } from '@jest/globals'
import { fromHex, toHex } from '../../src/domain/bytes.js'
import { nativeAlgorithms, type AlgorithmTable } from '../../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature, MAX_SIGNATURES } from '../../src/domain/cose/sign.js'
import { Refusal } from '../../src/domain/refusal.js'
import { requireQuorum, type ApprovedRequest } from '../../src/domain/trust/check-approvals.js'
import { checkEnvelope } from '../../src/domain/trust/check-envelope.js'
import { MAX_BLOCKS } from '../../src/domain/suit/envelope.js'
import { labelOf, type DocumentKind } from '../../src/domain/trust/labels.js'
import { openPolicy } from '../../src/domain/trust/open-policy.js'
import { encodePolicy, type Person } from '../../src/domain/trust/policy.js'
import { encodeRoot, type Root, type RootKey } from '../../src/domain/trust/root.js'
import { nothingRevoked } from '../../src/domain/trust/signed-document.js'
import { MAX_KRL_ENTRIES, takeKrl } from '../../src/domain/trust/take-krl.js'
import { anchorState, decodeTrustState, encodeTrustState } from '../../src/domain/trust/trust-state.js'
import { takeRoot, walkRoots } from '../../src/domain/trust/walk-root.js'
import { GROWTH_FACTOR, growthOf } from '../support/growth.js'
import { makeSoftKey, makeSoftKeys, type SoftKey } from '../support/soft-key.js'
import { rootKeyOf, signRoot } from '../support/trust-fixture.js'
import { UpdateFixture } from '../support/update-fixture.js'

// What documents with good signatures may cost: those of thieves with a key, or of people who made a mistake. Bytes without
// any are in `costs.spec.ts`.
const fixture = await UpdateFixture.make()
const { trust, state } = fixture
const { now, root } = trust

/** The algorithms, counting: a verification is what a document can make us do that costs the most. */
function counting(): { algorithms: AlgorithmTable; verifications: () => number } {
  let count = 0
  const rows = [...nativeAlgorithms].map(
    ([id, row]) =>
      [
        id,
        {
          ...row,
          verify: (...given: Parameters<typeof row.verify>): boolean => {
            count += 1
            return row.verify(...given)
          },
        },
      ] as const,
  )
  return { algorithms: new Map(rows), verifications: () => count }
}

/** @returns how many signatures were verified until it was accepted or refused; anything else thrown fails. */
function verificationsOf(read: (algorithms: AlgorithmTable) => unknown): { count: number; code: string } {
  const { algorithms, verifications } = counting()
  try {
    read(algorithms)
    return { count: verifications(), code: 'accepted' }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { count: verifications(), code: error.code }
  }
}

const signed = async (kind: DocumentKind, payload: Uint8Array, keys: readonly SoftKey[]): Promise<Uint8Array> =>
  encodeSign(payload, await Promise.all(keys.map((key) => makeOneSignature(key, payload, labelOf(kind)))))

/** A root whose role root has these holders. */
function heldBy(holders: readonly SoftKey[], change: Partial<Root> = {}): Root {
  const keys = new Map([...root.keys, ...holders.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)])
  const roles = new Map(root.roles).set('root', { threshold: 1, keyIds: holders.map(({ keyIdHex }) => keyIdHex) })
  return { ...root, keys, roles, ...change }
}

describe('signatures that are verified', () => {
  const crowd = makeSoftKeys(MAX_SIGNATURES + 1)

  it('of a root: each of its signatures once at most, and none where there are too many or strangers', async () => {
    const holders = crowd.slice(0, MAX_SIGNATURES)
    const anchor = anchorState(await signRoot(heldBy(holders), holders), nativeAlgorithms)
    const payload = encodeRoot(heldBy(holders, { version: 2 }))
    const take = (bytes: Uint8Array) => verificationsOf((algorithms) => takeRoot(anchor, bytes, algorithms))
    // Holders of the old and of the new root: counted twice, verified once.
    expect(take(await signed('root', payload, holders))).toEqual({ count: MAX_SIGNATURES, code: 'accepted' })
    expect(take(await signed('root', payload, crowd))).toEqual({ count: 0, code: 'COSE_MALFORMED' })
    expect(take(await signed('root', payload, makeSoftKeys(MAX_SIGNATURES)))).toMatchObject({ count: 0 })
    const [first = makeSoftKey()] = holders
    const twice = await signed('root', payload, [first, first])
    expect(take(twice)).toEqual({ count: 0, code: 'SIGNATURE_DUPLICATE' })
  })

  it('of a chain: none of what comes after the first that is refused', async () => {
    const next = await trust.nextRoot({})
    const chain = [next.bytes, ...Array.from({ length: 1_000 }, () => trust.rootBytes), next.bytes, next.bytes]
    const walk = verificationsOf((algorithms) => walkRoots(state, chain, algorithms, () => undefined))
    // What is held already is passed over unverified.
    expect(walk).toEqual({ count: 2, code: 'accepted' })
    const stranger = await signRoot({ ...root, version: 2 }, makeSoftKeys(2))
    const refused = Array.from({ length: 1_024 }, () => stranger)
    const stopped = verificationsOf((algorithms) => walkRoots(state, refused, algorithms, () => undefined))
    expect(stopped).toEqual({ count: 0, code: 'THRESHOLD_NOT_MET' })
  })

  it('of a policy, likewise', async () => {
    const open = (bytes: Uint8Array) => verificationsOf((algorithms) => openPolicy(state, bytes, null, now, algorithms))
    const payload = encodePolicy(trust.policy)
    expect(open(await signed('policy', payload, [...trust.policyKeys, ...makeSoftKeys(MAX_SIGNATURES - 2)]))).toEqual({
      count: 2,
      code: 'KEY_UNKNOWN',
    })
    expect(open(await signed('policy', payload, crowd))).toEqual({ count: 0, code: 'COSE_MALFORMED' })
  })

  it('of an envelope: eight blocks at most', async () => {
    const keys = makeSoftKeys(200)
    const listed = new Map([...root.keys, ...keys.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)])
    const roles = new Map(root.roles).set('manifest-a', { threshold: 1, keyIds: keys.map(({ keyIdHex }) => keyIdHex) })
    const crowded = { ...state, root: { ...root, keys: listed, roles } }
    const check = async (count: number) => {
      const bytes = await fixture.envelope(undefined, keys.slice(0, count))
      return verificationsOf((algorithms) => checkEnvelope(crowded, bytes, null, now, algorithms))
    }
    expect(await check(MAX_BLOCKS)).toEqual({ count: MAX_BLOCKS, code: 'accepted' })
    expect(await check(MAX_BLOCKS + 1)).toEqual({ count: 0, code: 'ENVELOPE_BLOCK' })
    expect(await check(200)).toEqual({ count: 0, code: 'ENVELOPE_BLOCK' })
    const twice = await fixture.envelope(undefined, [...keys.slice(0, 1), ...keys.slice(0, 1)])
    const asked = verificationsOf((algorithms) => checkEnvelope(crowded, twice, null, now, algorithms))
    expect(asked).toEqual({ count: 0, code: 'SIGNATURE_DUPLICATE' })
  })

  it('of approvals: one each', async () => {
    const about = { operation: 'krl' as const, subjectSha256: new Uint8Array(32), requestId: 'r-1' }
    const request: ApprovedRequest = { ...about, image: null, requester: null }
    const approval = await trust.approval('security-1', about)
    const context = { policy: trust.policy, allowed: root.algorithms, revoked: nothingRevoked, now }
    const approvals = Array<Uint8Array>(64).fill(approval)
    const asked = verificationsOf((algorithms) => requireQuorum(approvals, request, { ...context, algorithms }))
    expect(asked).toEqual({ count: 64, code: 'APPROVER_REPEATED' })
  })
})

/** Documents that are good and as large as they may be, or a part of that. */
const id = (index: number): string => index.toString(16).padStart(64, '0')
const classId = (index: number): string => index.toString(16).padStart(32, '0')
const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ keyId: id(index), reason: 1, time: now }))

const allKeys = makeSoftKeys(480)
const peopleOf = (count: number): Map<string, Person> =>
  new Map(
    allKeys
      .slice(0, count)
      .map(({ key }, index) => [
        `person-${index}`,
        { name: `person-${index}`, keys: [key], roles: ['engineer'], notAfter: now + 1 },
      ]),
  )

interface Growing {
  readonly name: string
  readonly large: number
  readonly make: (count: number) => Promise<() => unknown>
}
const growing: readonly Growing[] = [
  {
    name: 'a KRL of many keys, united with what is held',
    large: 16_000,
    make: async (count) => {
      const held = takeKrl(state, await trust.signKrl(trust.krl({ keys: rows(count) })), now, nativeAlgorithms)
      const bytes = await trust.signKrl(trust.krl({ number: 2, keys: rows(count) }))
      return () => takeKrl(held, bytes, now, nativeAlgorithms)
    },
  },
  {
    name: 'a KRL of many manifests and floors',
    large: 16_000,
    make: async (count) => {
      const manifests = rows(count / 2).map(({ keyId: digest }) => ({ digest, reason: 1 }))
      const floors = new Map(Array.from({ length: count / 2 }, (_, index) => [classId(index), index]))
      const bytes = await trust.signKrl(trust.krl({ manifests, floors }))
      return () => takeKrl(state, bytes, now, nativeAlgorithms)
    },
  },
  {
    name: 'a root of many keys',
    large: 480,
    make: async (count) => {
      const listed = allKeys.slice(0, count)
      const keys = new Map<string, RootKey>([
        ...root.keys,
        ...listed.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const),
      ])
      const ids = [...(root.roles.get('krl')?.keyIds ?? []), ...listed.map(({ keyIdHex }) => keyIdHex)]
      const { bytes } = await trust.nextRoot({
        keys,
        roles: new Map(root.roles).set('krl', { threshold: 1, keyIds: ids }),
      })
      return () => takeRoot(state, bytes, nativeAlgorithms)
    },
  },
  {
    name: 'a root of many floors, after a KRL of many keys',
    large: 2_400,
    make: async (count) => {
      const held = takeKrl(state, await trust.signKrl(trust.krl({ keys: rows(count) })), now, nativeAlgorithms)
      const floors = new Map(Array.from({ length: count }, (_, index) => [classId(index), index]))
      const { bytes } = await trust.nextRoot({ floors })
      return () => takeRoot(held, bytes, nativeAlgorithms)
    },
  },
  {
    name: 'a policy of many persons',
    large: 480,
    make: async (count) => {
      const { bytes } = await trust.nextPolicy({ persons: peopleOf(count) })
      return () => openPolicy(state, bytes, null, now, nativeAlgorithms)
    },
  },
  {
    name: 'a stored state of many revocations',
    large: 16_000,
    make: async (count) => {
      const bytes = encodeTrustState(
        takeKrl(state, await trust.signKrl(trust.krl({ keys: rows(count) })), now, nativeAlgorithms),
      )
      return () => decodeTrustState(bytes)
    },
  },
]

it.each(growing)(
  '$name is taken in time that grows with its size',
  async ({ large, make }) => {
    expect(growthOf(await make(large / GROWTH_FACTOR), await make(large))).toBe('linear')
  },
  120_000,
)

it('a KRL above the cap of what a device keeps is refused, whether at once or by what it holds', async () => {
  const over = await trust.signKrl(trust.krl({ keys: rows(MAX_KRL_ENTRIES + 1) }))
  const take = (bytes: Uint8Array, held = state) =>
    verificationsOf((algorithms) => takeKrl(held, bytes, now, algorithms))
  expect(take(over)).toEqual({ count: 1, code: 'KRL_CAP' })
  const held = takeKrl(state, await trust.signKrl(trust.krl({ keys: rows(MAX_KRL_ENTRIES) })), now, nativeAlgorithms)
  const one = { keyId: toHex(fromHex('ff'.repeat(32))), reason: 1, time: now }
  expect(take(await trust.signKrl(trust.krl({ number: 2, keys: [one] })), held)).toEqual({ count: 1, code: 'KRL_CAP' })
})
