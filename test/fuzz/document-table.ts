import fc from 'fast-check'
import { keyIdHexOf, type CoseKey } from '../../src/domain/cose/cose-key.js'
import { encodeManifest, parseManifest, type Manifest } from '../../src/domain/suit/manifest.js'
import { encodeText, parseText } from '../../src/domain/suit/text.js'
import { encodeApproval, parseApproval, type Approval } from '../../src/domain/trust/approval.js'
import { encodeAssignment, parseAssignment } from '../../src/domain/trust/assignment.js'
import { encodeCertificateRequest, parseCertificateRequest } from '../../src/domain/trust/certificate-request.js'
import { encodeCounterEpoch, parseCounterEpoch } from '../../src/domain/trust/counter-epoch.js'
import { encodeEnrolment, parseEnrolment } from '../../src/domain/trust/enrolment.js'
import { firmwareFormats } from '../../src/domain/trust/firmware-formats.js'
import { encodeFreshness, parseFreshness, type Freshness } from '../../src/domain/trust/freshness.js'
import { encodeKeyChange, parseKeyChange } from '../../src/domain/trust/key-change.js'
import { encodeKrl, parseKrl } from '../../src/domain/trust/krl.js'
import { legacyWaivers } from '../../src/domain/trust/legacy-clients.js'
import { encodePolicy, parsePolicy, type Person, type Policy } from '../../src/domain/trust/policy.js'
import { encodeReport, parseReport, reportStates, type Report } from '../../src/domain/trust/report.js'
import { keyRoles, operations, personRoles, type KeyRole } from '../../src/domain/trust/roles.js'
import { encodeRolloutPlan, parseRolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import { encodeRoot, parseRoot, type Root, type RootRole } from '../../src/domain/trust/root.js'
import { encodeSubmission, parseSubmission } from '../../src/domain/trust/submission.js'
import { makeP256Key, makeSoftKeys } from '../support/soft-key.js'

/** A kind of document: what it can say, and its one form in bytes. */
export interface DocumentKindCase {
  readonly name: string
  readonly values: fc.Arbitrary<unknown>
  readonly encode: (value: never) => Uint8Array
  readonly parse: (bytes: Uint8Array) => unknown
}

const uint = fc.maxSafeNat()
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const hex = (length: number): fc.Arbitrary<string> => bytes(length).map((raw) => Buffer.from(raw).toString('hex'))
const word = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', minLength: 1, maxLength: maxLength })
const name = fc.stringMatching(/^[a-z0-9-]{1,32}$/)
const namespace = fc.tuple(name, name).map((parts) => parts.join('/'))
const floors = fc
  .dictionary(hex(16), uint, { maxKeys: 3, noNullPrototype: true })
  .map((rows) => new Map(Object.entries(rows)))

const softKeys: readonly CoseKey[] = [...makeSoftKeys(6), makeP256Key(), makeP256Key()].map(({ key }) => key)
const { key: builder } = makeP256Key()
const akp: fc.Arbitrary<CoseKey> = fc.record({
  kind: fc.constant('akp' as const),
  alg: fc.integer({ min: -100, max: -1 }),
  x: fc.uint8Array({ minLength: 1, maxLength: 100 }),
})
const coseKey: fc.Arbitrary<CoseKey> = fc.oneof(fc.constantFrom(...softKeys), akp)
const coseKeys = (maxLength: number): fc.Arbitrary<CoseKey[]> =>
  fc.uniqueArray(coseKey, { minLength: 1, maxLength, selector: keyIdHexOf })
/** Members that a document may leave out are left out, never undefined. */
const optional = <T, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  ...absent: K[]
): fc.Arbitrary<T> =>
  fc.record(model as never, {
    requiredKeys: Object.keys(model).filter((key) => !absent.includes(key as K)) as never,
  }) as never

const root: fc.Arbitrary<Root> = coseKeys(8).chain((keys) =>
  optional<Root, 'log'>(
    {
      namespace,
      version: uint,
      issued: uint,
      expires: uint,
      keys: fc
        .array(fc.record({ alg: fc.constantFrom(-19, -9), notBefore: uint, notAfter: uint }), {
          minLength: keys.length,
          maxLength: keys.length,
        })
        .map((rows) => new Map(rows.map((row, index) => rowOf(keys[index], row)))),
      roles: rolesOf(keys.map(keyIdHexOf)),
      epoch: uint,
      floors,
      leastKrlNumber: uint,
      algorithms: fc.array(fc.integer(), { maxLength: 3 }),
      longestKrlLifeSeconds: uint,
      log: fc.record({
        logKeys: fc.array(word(256), { minLength: 1, maxLength: 2 }),
        witnessKeys: fc.array(word(256), { maxLength: 3 }),
        quorum: uint,
      }),
    },
    'log',
  ),
)

function rowOf<T>(key: CoseKey | undefined, row: T): [string, T & { keyId: string; key: CoseKey }] {
  if (key === undefined) throw new Error('a row without a key')
  const keyId = keyIdHexOf(key)
  return [keyId, { ...row, keyId, key }]
}

/** The first key is the root's; the others are dealt out, one role each. */
function rolesOf(keyIds: readonly string[]): fc.Arbitrary<Map<KeyRole, RootRole>> {
  const [first = '', ...others] = keyIds
  const given = fc.shuffledSubarray(
    keyRoles.filter((role) => role !== 'root'),
    { minLength: others.length },
  )
  return given.map((names) => {
    const one = (keyId: string): RootRole => ({ threshold: 1, keyIds: [keyId] })
    const rest = others.flatMap((keyId, index): [KeyRole, RootRole][] => {
      const role = names[index]
      return role === undefined ? [] : [[role, one(keyId)]]
    })
    return new Map<KeyRole, RootRole>([['root', one(first)], ...rest])
  })
}

const quorum = fc.constantFrom('1 of security', '2 of release-manager', '2 of release-manager and 1 of security')
const window = fc
  .tuple(fc.integer({ min: 1, max: 127 }), fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 40_000 }))
  .map(([days, fromSecond, length]) => ({ days, fromSecond, toSecond: fromSecond + length }))

const CLASS = '07'.repeat(16)
const policy: fc.Arbitrary<Policy> = coseKeys(6).chain((keys) =>
  optional<Policy, 'legacy' | 'owners' | 'builders'>(
    {
      namespace,
      version: uint,
      issued: uint,
      expires: uint,
      persons: fc.record({ roles: fc.subarray([...personRoles]), notAfter: uint }).map((row) => {
        const persons = keys.map((key, index): Person => ({ name: `person-${index}`, keys: [key], ...row }))
        return new Map(persons.map((person) => [person.name, person]))
      }),
      quorums: fc
        .subarray([...operations])
        .chain((some) => quorum.map((text) => new Map(some.map((each) => [each, text])))),
      limits: fc.record(
        {
          signaturesPerDay: uint,
          windows: fc.array(window, { maxLength: 3 }),
          maxImageBytes: uint,
          approvalLifeSeconds: uint,
          // Asks for more than any of the quorums above, as it has to.
          breakGlass: fc.constant('1 of fleet-manager'),
          devicesPerHour: uint,
          minRolloutApprovers: uint,
          certificatesPerDay: uint,
          firmwareFormats: fc.subarray([...firmwareFormats], { minLength: 1 }),
        },
        { requiredKeys: [] },
      ),
      vendorId: bytes(16),
      classes: fc.constant(new Map([[CLASS, [[Uint8Array.of(0)]]]])),
      legacy: fc.subarray([...legacyWaivers]).map((waived) => new Map([['ddi', { classes: [CLASS], waived }]])),
      owners: fc
        .tuple(hex(32), word(128), word(128))
        .map(([id, owner, deputy]) => new Map([[id, [owner, deputy] as const]])),
      builders: word(128).map((name) => new Map([[keyIdHexOf(builder), { key: builder, name }]])),
    },
    'legacy',
    'owners',
    'builders',
  ),
)

const reason = fc.integer({ min: 0, max: 6 })
const krl = fc.record({
  namespace,
  number: uint,
  issued: uint,
  nextUpdate: uint,
  hardExpiry: uint,
  leastRootVersion: uint,
  epoch: uint,
  keys: fc.array(fc.record({ keyId: hex(32), reason, time: uint }), { maxLength: 4 }),
  manifests: fc.array(fc.record({ digest: hex(32), reason }), { maxLength: 3 }),
  floors,
  previousSha256: bytes(32),
})

const freshness = optional<Freshness, 'nonce'>(
  {
    namespace,
    time: uint,
    expires: uint,
    krlNumber: uint,
    krlSha256: bytes(32),
    rootVersion: uint,
    nonce: fc.uint8Array({ minLength: 16, maxLength: 32 }),
  },
  'nonce',
)

const assignment = fc.record({
  namespace,
  deviceId: hex(32),
  rolloutId: word(64),
  manifestSha256: bytes(32),
  sequence: uint,
  leastKrlNumber: uint,
  notBefore: uint,
  expires: uint,
})

const submission = fc.record({
  namespace,
  imageSha256: bytes(32),
  imageSizeBytes: uint,
  version: word(64),
  classId: bytes(16),
  requestId: word(64),
  time: uint,
})

const approvedImage = fc.record({
  imageSha256: bytes(32),
  imageSizeBytes: uint,
  sequence: uint,
  classId: bytes(16),
  version: word(64),
})
const approval: fc.Arbitrary<Approval> = fc.constantFrom(...operations).chain((operation) =>
  optional<Approval, 'changeRecordSha256'>(
    {
      namespace,
      operation: fc.constant(operation),
      subjectSha256: bytes(32),
      requestId: word(64),
      notBefore: uint,
      expires: uint,
      policyVersion: uint,
      role: fc.constantFrom(...personRoles),
      changeRecordSha256: bytes(32),
      ...(operation === 'sign' || operation === 're-sign' ? { image: approvedImage } : {}),
    } as never,
    'changeRecordSha256',
  ),
)

const rolloutPlan = fc
  .record({
    namespace,
    rolloutId: word(64),
    manifests: fc.array(bytes(32), { minLength: 1, maxLength: 2 }),
    devicesPerHour: uint,
    devicesTotal: uint,
    notBefore: fc.nat(),
    lifeSeconds: fc.integer({ min: 1 }),
  })
  .map(({ lifeSeconds, ...plan }) => ({ ...plan, expires: plan.notBefore + lifeSeconds }))

const report = optional<Report, 'reason' | 'rolloutId'>(
  {
    namespace,
    deviceId: hex(32),
    epoch: uint,
    counter: uint,
    time: uint,
    runningManifestSha256: bytes(32),
    runningSequence: uint,
    runningImageSha256: bytes(32),
    rootVersion: uint,
    krlNumber: uint,
    state: fc.constantFrom(...reportStates),
    reason: uint,
    rolloutId: word(64),
  },
  'reason',
  'rolloutId',
)

const enrolment = fc.record({ namespace, key: coseKey, classId: bytes(16), time: uint })
const counterEpoch = fc.record({ namespace, deviceId: hex(32), nonce: bytes(32), epoch: uint })
const keyChange = fc.record({ namespace, deviceId: hex(32), nonce: bytes(32), key: coseKey })

const tlsKey = makeP256Key().key
const certificateRequest = fc.record({
  namespace,
  deviceId: hex(32),
  deviceKey: coseKey,
  tlsKey: fc.constant(tlsKey as never),
  time: uint,
})

const part = fc.integer({ min: 0, max: 999_999_999 })
const version = fc
  .tuple(part, part, part, fc.option(fc.tuple(fc.constantFrom('alpha', 'beta', 'rc'), part)))
  .map(([major, minor, patch, stage]) => `${major}.${minor}.${patch}${stage === null ? '' : `-${stage.join('.')}`}`)
const manifest: fc.Arbitrary<Manifest> = fc.record({
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  vendorId: bytes(16),
  classId: bytes(16),
  imageSha256: bytes(32),
  imageSizeBytes: uint,
  version,
  textSha256: bytes(32),
})

/** Every document of ours that is signed, or whose digest is. */
export const documentTable: readonly DocumentKindCase[] = [
  { name: 'root', values: root, encode: encodeRoot, parse: parseRoot },
  { name: 'policy', values: policy, encode: encodePolicy, parse: parsePolicy },
  { name: 'krl', values: krl, encode: encodeKrl, parse: parseKrl },
  { name: 'freshness', values: freshness, encode: encodeFreshness, parse: parseFreshness },
  { name: 'assignment', values: assignment, encode: encodeAssignment, parse: parseAssignment },
  { name: 'submission', values: submission, encode: encodeSubmission, parse: parseSubmission },
  { name: 'approval', values: approval, encode: encodeApproval, parse: parseApproval },
  { name: 'rollout-plan', values: rolloutPlan, encode: encodeRolloutPlan, parse: parseRolloutPlan },
  { name: 'report', values: report, encode: encodeReport, parse: parseReport },
  { name: 'enrolment', values: enrolment, encode: encodeEnrolment, parse: parseEnrolment },
  { name: 'counter-epoch', values: counterEpoch, encode: encodeCounterEpoch, parse: parseCounterEpoch },
  { name: 'key-change', values: keyChange, encode: encodeKeyChange, parse: parseKeyChange },
  {
    name: 'certificate-request',
    values: certificateRequest,
    encode: encodeCertificateRequest,
    parse: parseCertificateRequest,
  },
  { name: 'manifest', values: manifest, encode: encodeManifest, parse: parseManifest },
  {
    name: 'text',
    values: fc.record({ description: fc.string({ maxLength: 200 }) }),
    encode: encodeText,
    parse: parseText,
  },
]
