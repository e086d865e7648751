import { ED25519, ESP256 } from '../../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { toHex } from '../../src/domain/bytes.js'
import { classIdOf, vendorIdOf } from '../../src/domain/suit/identifiers.js'
import { encodeApproval, type Approval } from '../../src/domain/trust/approval.js'
import { encodeKrl, type Krl } from '../../src/domain/trust/krl.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { firmwareFormats } from '../../src/domain/trust/firmware-formats.js'
import { encodePolicy, type Person, type Policy } from '../../src/domain/trust/policy.js'
import { encodeRoot, type Root, type RootKey, type RootRole } from '../../src/domain/trust/root.js'
import type { KeyRole, PersonRole } from '../../src/domain/trust/roles.js'
import { encodeSubmission, type Submission } from '../../src/domain/trust/submission.js'
import { makeSoftKey, type PublicKey, type SoftKey } from './soft-key.js'

const DAY = 86_400
export const VENDOR_ID = vendorIdOf('vendor.example')
export const CLASS_ID = classIdOf(VENDOR_ID, 'gateway', 'rev-b', 'prod')

/** Everybody who may do something in the policy of a fixture. */
const people: readonly (readonly [name: string, role: PersonRole])[] = [
  ['engineer-1', 'engineer'],
  ['engineer-2', 'engineer'],
  ['manager-1', 'release-manager'],
  ['manager-2', 'release-manager'],
  ['security-1', 'security'],
  ['security-2', 'security'],
  ['fleet-1', 'fleet-manager'],
  ['fleet-2', 'fleet-manager'],
]

/** Roles whose keys are online in a token; a fixture fills in software keys for those it is not given. */
type OnlineRole = 'manifest-a' | 'krl' | 'assignment' | 'freshness' | 'device-ca'
export interface FixtureOptions {
  readonly namespace?: string
  /** Seconds; the clock by default. */
  readonly now?: number
  /** Public halves of token keys, by role. */
  readonly roleKeys?: Partial<Record<OnlineRole, readonly PublicKey[]>>
  /** Of everybody: Ed25519 unless it says else. The root allows both profiles then. */
  readonly makeKey?: () => SoftKey
  readonly root?: Partial<Root>
  readonly policy?: Partial<Policy> | ((policy: Policy) => Partial<Policy>)
}

/** One namespace with its first root and policy: people and offline roles hold software keys, signers perhaps tokens. */
export class TrustFixture {
  private constructor(
    readonly now: number,
    readonly rootKeys: readonly SoftKey[],
    readonly policyKeys: readonly SoftKey[],
    readonly emergencyKey: SoftKey,
    /** Software keys of the online roles that were not given. */
    readonly softKeys: ReadonlyMap<KeyRole, SoftKey>,
    readonly personKeys: ReadonlyMap<string, SoftKey>,
    readonly root: Root,
    readonly rootBytes: Uint8Array,
    readonly policy: Policy,
    readonly policyBytes: Uint8Array,
  ) {}

  static async make(options: FixtureOptions = {}): Promise<TrustFixture> {
    const now = options.now ?? Math.floor(Date.now() / 1000)
    const namespace = options.namespace ?? 'gateway/prod'
    const { makeKey = makeSoftKey } = options
    const rootKeys = [makeKey(), makeKey(), makeKey()]
    const policyKeys = [makeKey(), makeKey()]
    const emergencyKey = makeKey()
    const softKeys = new Map<KeyRole, SoftKey>()
    const online = (role: OnlineRole): readonly PublicKey[] => {
      const given = options.roleKeys?.[role]
      if (given !== undefined) return given
      const key = makeKey()
      softKeys.set(role, key)
      return [key]
    }
    const roles: readonly (readonly [KeyRole, number, readonly PublicKey[]])[] = [
      ['root', 2, rootKeys],
      ['policy', 2, policyKeys],
      ['manifest-a', 1, online('manifest-a')],
      ['krl', 1, online('krl')],
      ['emergency-krl', 1, [emergencyKey]],
      ['assignment', 1, online('assignment')],
      ['freshness', 1, online('freshness')],
      ...(options.roleKeys?.['device-ca'] === undefined ? [] : [['device-ca', 1, online('device-ca')] as const]),
    ]
    const algorithms = options.makeKey === undefined ? [ED25519] : [ED25519, ESP256]
    const root = { ...firstRoot(namespace, now, roles), algorithms, ...options.root }
    const personKeys = new Map(people.map(([name]) => [name, makeKey()]))
    const plain = firstPolicy(namespace, now, personKeys)
    const change = typeof options.policy === 'function' ? options.policy(plain) : options.policy
    const policy = { ...plain, ...change }
    const rootBytes = await signRoot(root, rootKeys.slice(0, 2))
    const policyBytes = await signPolicy(policy, policyKeys)
    return new TrustFixture(
      now,
      rootKeys,
      policyKeys,
      emergencyKey,
      softKeys,
      personKeys,
      root,
      rootBytes,
      policy,
      policyBytes,
    )
  }

  get namespace(): string {
    return this.root.namespace
  }

  person(name: string): SoftKey {
    const key = this.personKeys.get(name)
    if (key === undefined) throw new Error(`no person ${name} in the fixture`)
    return key
  }

  /** The software key of an online role that was not given from outside. */
  roleKey(role: KeyRole): SoftKey {
    const key = this.softKeys.get(role)
    if (key === undefined) throw new Error(`role ${role} has no software key`)
    return key
  }

  /** A root that follows `from`, signed by two of the root keys. */
  async nextRoot(change: Partial<Root>, from: Root = this.root): Promise<{ root: Root; bytes: Uint8Array }> {
    const root = { ...from, version: from.version + 1, ...change }
    return { root, bytes: await signRoot(root, this.rootKeys.slice(0, 2)) }
  }

  async nextPolicy(
    change: Partial<Policy>,
    from: Policy = this.policy,
  ): Promise<{ policy: Policy; bytes: Uint8Array }> {
    const policy = { ...from, version: from.version + 1, ...change }
    return { policy, bytes: await signPolicy(policy, this.policyKeys) }
  }

  /** The payload of a KRL with number 1 and nothing in it, or with `change`. */
  krl(change: Partial<Krl> = {}): Krl {
    return {
      namespace: this.namespace,
      number: 1,
      issued: this.now - 10,
      nextUpdate: this.now + 30 * DAY,
      hardExpiry: this.now + 89 * DAY,
      leastRootVersion: 1,
      epoch: this.root.epoch,
      keys: [],
      manifests: [],
      floors: new Map(),
      previousSha256: new Uint8Array(32),
      ...change,
    }
  }

  signKrl(krl: Krl, key: SoftKey = this.roleKey('krl')): Promise<Uint8Array> {
    return buildSign1(key, encodeKrl(krl), labelOf('krl'))
  }

  /** A person's signed submission. */
  submission(
    person: string,
    fields: Omit<Submission, 'namespace' | 'time'> & Partial<Submission>,
  ): Promise<Uint8Array> {
    const submission = { namespace: this.namespace, time: this.now - 5, ...fields }
    return buildSign1(this.person(person), encodeSubmission(submission), labelOf('submission'))
  }

  /** A person's signed approval, from a minute ago for an hour. */
  approval(
    person: string,
    fields: Pick<Approval, 'operation' | 'subjectSha256' | 'requestId'> & Partial<Approval>,
  ): Promise<Uint8Array> {
    const approval: Approval = {
      namespace: this.namespace,
      notBefore: this.now - 60,
      expires: this.now + 3_600,
      policyVersion: this.policy.version,
      role: roleOf(person),
      ...fields,
    }
    return buildSign1(this.person(person), encodeApproval(approval), labelOf('approval'))
  }
}

/** The persons of a policy, one of them with these roles. */
export function withRoles(policy: Policy, name: string, roles: readonly PersonRole[]): Pick<Policy, 'persons'> {
  const person = policy.persons.get(name)
  if (person === undefined) throw new Error(`no person ${name} in the fixture`)
  return { persons: new Map(policy.persons).set(name, { ...person, roles }) }
}

const roleOf = (person: string): PersonRole => people.find(([name]) => name === person)?.[1] ?? 'engineer'

export async function signRoot(root: Root, keys: readonly SoftKey[]): Promise<Uint8Array> {
  const payload = encodeRoot(root)
  return encodeSign(payload, await Promise.all(keys.map((key) => makeOneSignature(key, payload, labelOf('root')))))
}

export async function signPolicy(policy: Policy, keys: readonly SoftKey[]): Promise<Uint8Array> {
  const payload = encodePolicy(policy)
  return encodeSign(payload, await Promise.all(keys.map((key) => makeOneSignature(key, payload, labelOf('policy')))))
}

/** A key as a root lists it: active since an hour ago, for 90 days, unless `life` says else. */
export const rootKeyOf = (
  key: PublicKey,
  now: number,
  life: Partial<Pick<RootKey, 'notBefore' | 'notAfter'>> = {},
): RootKey => ({
  keyId: key.keyIdHex,
  key: key.key,
  alg: key.alg,
  notBefore: now - 3_600,
  notAfter: now + 90 * DAY,
  ...life,
})

function firstRoot(
  namespace: string,
  now: number,
  roles: readonly (readonly [KeyRole, number, readonly PublicKey[]])[],
): Root {
  const keys = new Map(roles.flatMap(([, , list]) => list.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)))
  return {
    namespace,
    version: 1,
    issued: now - 3_600,
    expires: now + 390 * DAY,
    keys,
    roles: new Map(
      roles.map(([role, threshold, list]): [KeyRole, RootRole] => [
        role,
        { threshold, keyIds: list.map((key) => key.keyIdHex) },
      ]),
    ),
    epoch: 1,
    floors: new Map(),
    leastKrlNumber: 0,
    algorithms: [ED25519],
    longestKrlLifeSeconds: 90 * DAY,
  }
}

function firstPolicy(namespace: string, now: number, personKeys: ReadonlyMap<string, SoftKey>): Policy {
  const persons = people.map(([name, role]): [string, Person] => {
    const key = personKeys.get(name)
    return [name, { name, keys: key === undefined ? [] : [key.key], roles: [role], notAfter: now + 365 * DAY }]
  })
  return {
    namespace,
    version: 1,
    issued: now - 3_600,
    expires: now + 390 * DAY,
    persons: new Map(persons),
    quorums: new Map([
      ['sign', '2 of release-manager'],
      ['krl', '2 of security'],
      ['krl-renew', '1 of security'],
      ['rollout', '1 of fleet-manager'],
      ['re-sign', '2 of release-manager'],
      ['resume-signer', '2 of security'],
      ['clock-reset', '1 of security'],
    ]),
    // Images of tests are bytes without a form, unless a test is about formats.
    limits: { approvalLifeSeconds: 7 * DAY, firmwareFormats },
    vendorId: VENDOR_ID,
    classes: new Map([[toHex(CLASS_ID), [[Uint8Array.of(0)]]]]),
  }
}
