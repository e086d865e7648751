import { describe, expect, it } from '@jest/globals'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf, TrustFixture } from '../../../test/support/trust-fixture.js'
import { encodePolicy, parsePolicy, type Policy } from '../../domain/trust/policy.js'
import type { PolicyLimits } from '../../domain/trust/policy-limits.js'
import { encodeRoot, parseRoot, type Root } from '../../domain/trust/root.js'
import { describePolicy, describePolicyDifference } from './policy-text.js'
import { describeRoot, describeRootDifference } from './root-text.js'

const { policy: plainPolicy, root: plainRoot, now } = await TrustFixture.make({ now: 1_800_000_000 })
const key = makeSoftKey()
const limits: Required<PolicyLimits> = {
  signaturesPerDay: 20,
  windows: [{ days: 31, fromSecond: 28_800, toSecond: 57_600 }],
  maxImageBytes: 1_000,
  approvalLifeSeconds: 3_600,
  breakGlass: '2 of security',
  devicesPerHour: 100,
  minRolloutApprovers: 1,
  certificatesPerDay: 1_000,
  firmwareFormats: ['mcuboot'],
}
const policy: Required<Policy> = {
  ...plainPolicy,
  limits,
  legacy: new Map([['ddi', { classes: [...plainPolicy.classes.keys()], waived: [] }]]),
  owners: new Map([[key.keyIdHex, ['security-1', 'security-2']]]),
  builders: new Map([[key.keyIdHex, { key: key.key, name: 'ci-1' }]]),
}
const manager = [...policy.persons.values()].find(({ name }) => name === 'manager-1') ?? {
  name: '',
  keys: [],
  roles: [],
  notAfter: 0,
}
const withManager = (change: object): Policy => ({
  ...policy,
  persons: new Map(policy.persons).set('manager-1', { ...manager, ...change }),
})
const { legacy: _, ...withoutLegacy } = policy
const without = <K, V>(map: ReadonlyMap<K, V>): Map<K, V> => new Map([...map].slice(1))
const limited = (change: Partial<PolicyLimits>): Policy => ({ ...policy, limits: { ...limits, ...change } })

/** One change for every member, as small as it gets. A member that is not here does not compile. */
const policyChanges: Readonly<Record<keyof Policy, readonly Policy[]>> = {
  namespace: [{ ...policy, namespace: 'gateway/dev' }],
  version: [{ ...policy, version: 3 }],
  issued: [{ ...policy, issued: policy.issued + 1 }],
  expires: [{ ...policy, expires: policy.expires + 1 }],
  persons: [
    { ...policy, persons: without(policy.persons) },
    withManager({ roles: ['security'] }),
    withManager({ keys: [makeSoftKey().key] }),
    withManager({ notAfter: manager.notAfter + 1 }),
  ],
  quorums: [
    { ...policy, quorums: without(policy.quorums) },
    { ...policy, quorums: new Map(policy.quorums).set('sign', '1 of security') },
  ],
  limits: [
    limited({ signaturesPerDay: 21 }),
    limited({ windows: [{ days: 31, fromSecond: 28_801, toSecond: 57_600 }] }),
    limited({ windows: [{ days: 63, fromSecond: 28_800, toSecond: 57_600 }] }),
    limited({ windows: [] }),
    limited({ maxImageBytes: 1_001 }),
    limited({ approvalLifeSeconds: 3_601 }),
    limited({ breakGlass: '1 of security' }),
    limited({ devicesPerHour: 101 }),
    limited({ minRolloutApprovers: 2 }),
    limited({ certificatesPerDay: 1_001 }),
    limited({ firmwareFormats: ['mcuboot', 'unknown'] }),
  ],
  vendorId: [{ ...policy, vendorId: new Uint8Array(16) }],
  classes: [
    { ...policy, classes: new Map([...policy.classes, ['00'.repeat(16), [[Uint8Array.of(0)]]]]) },
    { ...policy, classes: new Map([...policy.classes].map(([id]) => [id, [[Uint8Array.of(1)]]])) },
  ],
  legacy: [
    withoutLegacy,
    {
      ...policy,
      legacy: new Map([['ddi', { classes: [...policy.classes.keys()], waived: ['bundle-signature'] }]]),
    },
  ],
  owners: [{ ...policy, owners: new Map([[key.keyIdHex, ['security-1', 'manager-1']]]) }],
  builders: [{ ...policy, builders: new Map([[key.keyIdHex, { key: key.key, name: 'ci-2' }]]) }],
}

const root: Required<Root> = { ...plainRoot, log: { logKeys: ['log'], witnessKeys: ['w'], quorum: 1 } }
const rootKey = [...root.keys.values()][0] ?? rootKeyOf(key, now)
const withKey = (change: object): Root => ({
  ...root,
  keys: new Map(root.keys).set(rootKey.keyId, { ...rootKey, ...change }),
})
const rootChanges: Readonly<Record<keyof Root, readonly Root[]>> = {
  namespace: [{ ...root, namespace: 'gateway/dev' }],
  version: [{ ...root, version: 3 }],
  issued: [{ ...root, issued: root.issued + 1 }],
  expires: [{ ...root, expires: root.expires + 1 }],
  keys: [
    withKey({ notBefore: rootKey.notBefore + 1 }),
    withKey({ notAfter: rootKey.notAfter + 1 }),
    withKey({ alg: -9 }),
  ],
  roles: [
    { ...root, roles: without(root.roles) },
    { ...root, roles: new Map(root.roles).set('root', { threshold: 1, keyIds: root.roles.get('root')?.keyIds ?? [] }) },
  ],
  epoch: [{ ...root, epoch: 2 }],
  floors: [{ ...root, floors: new Map([['00'.repeat(16), 1]]) }],
  leastKrlNumber: [{ ...root, leastKrlNumber: 1 }],
  algorithms: [{ ...root, algorithms: [-19, -9] }],
  longestKrlLifeSeconds: [{ ...root, longestKrlLifeSeconds: root.longestKrlLifeSeconds + 1 }],
  log: [
    { ...root, log: { ...root.log, quorum: 2 } },
    { ...root, log: { ...root.log, witnessKeys: [] } },
  ],
}

/** What is not in the words is signed unseen. */
describe('a holder is told of a change', () => {
  it.each(Object.entries(policyChanges).flatMap(([name, all]) => all.map((after) => [name, after] as const)))(
    'of %s in a policy',
    (_, after) => {
      const same = describePolicyDifference(policy, policy)
      expect(describePolicyDifference(policy, after)).not.toEqual(same)
      expect(describePolicy(after)).not.toEqual(describePolicy(policy))
      // What is compared are things that can be signed.
      expect(parsePolicy(encodePolicy(after)).version).toBe(after.version)
    },
  )

  it.each(Object.entries(rootChanges).flatMap(([name, all]) => all.map((after) => [name, after] as const)))(
    'of %s in a root',
    (_, after) => {
      expect(describeRootDifference(root, after)).not.toEqual(describeRootDifference(root, root))
      expect(describeRoot(after)).not.toEqual(describeRoot(root))
    },
  )

  it('in words', () => {
    const [change] = policyChanges.limits.slice(2)
    expect(change && describePolicyDifference(policy, change)).toContain(
      'Changed: change windows: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday 08:00 to 16:00 UTC instead of ' +
        'Monday, Tuesday, Wednesday, Thursday, Friday 08:00 to 16:00 UTC.',
    )
    expect(describePolicyDifference(policy, policy)).toContain('Nothing else changes.')
    expect(parseRoot(encodeRoot(root)).log).toEqual(root.log)
  })
})
