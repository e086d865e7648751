import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { sha256 } from '../../src/domain/bytes.js'
import { checkApproval, type ApprovedRequest } from '../../src/domain/trust/check-approvals.js'
import { checkAssignment } from '../../src/domain/trust/check-assignment.js'
import { checkEnvelope } from '../../src/domain/trust/check-envelope.js'
import { openFreshness } from '../../src/domain/trust/check-freshness.js'
import { openSubmission } from '../../src/domain/trust/check-submission.js'
import { encodeCounterEpoch, openCounterEpoch } from '../../src/domain/trust/counter-epoch.js'
import { encodeEnrolment } from '../../src/domain/trust/enrolment.js'
import { encodeKeyChange, openKeyChange } from '../../src/domain/trust/key-change.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { openPolicy } from '../../src/domain/trust/open-policy.js'
import { openEnrolment } from '../../src/domain/trust/open-enrolment.js'
import { encodeReport, type Report } from '../../src/domain/trust/report.js'
import type { KeyRole } from '../../src/domain/trust/roles.js'
import type { Root } from '../../src/domain/trust/root.js'
import { nothingRevoked } from '../../src/domain/trust/signed-document.js'
import { takeKrl } from '../../src/domain/trust/take-krl.js'
import type { TrustState } from '../../src/domain/trust/trust-state.js'
import { takeRoot } from '../../src/domain/trust/walk-root.js'
import { openReport } from '../../src/server/device/report-check.js'
import { makeSoftKey, makeSoftKeys, type SoftKey } from '../support/soft-key.js'
import { CLASS_ID, rootKeyOf, signPolicy, signRoot } from '../support/trust-fixture.js'
import { UpdateFixture } from '../support/update-fixture.js'

/** A signed document and the check that everybody who gets one runs over it; `open` throws when it refuses, or its promise does. */
export interface SignedSample {
  readonly name: string
  readonly bytes: Uint8Array
  readonly open: (bytes: Uint8Array) => unknown
}

const algorithms = nativeAlgorithms

/** One good document of each kind that carries signatures; of those that may carry several also one with more than it needs. */
export async function makeSignedSamples(): Promise<readonly SignedSample[]> {
  const fixture = await UpdateFixture.make()
  return [...(await trustSamples(fixture)), ...(await personSamples(fixture)), ...(await deviceSamples(fixture))]
}

async function trustSamples(fixture: UpdateFixture): Promise<SignedSample[]> {
  const { trust, state } = fixture
  const { now } = trust
  const next = await trust.nextRoot({})
  const krl = await trust.signKrl(trust.krl({ keys: [{ keyId: 'ab'.repeat(32), reason: 1, time: now }] }))
  const held = takeKrl(state, krl, now, algorithms)
  const moreHolders = makeSoftKeys(2)
  const moreManifestKeys = makeSoftKeys(2)
  const crowded = (role: 'policy' | 'manifest-a', more: readonly SoftKey[]): TrustState => ({
    ...held,
    root: listMore(trust.root, role, more, now),
  })
  return [
    { name: 'root', bytes: next.bytes, open: (bytes) => takeRoot(state, bytes, algorithms) },
    {
      name: 'root that all of its holders signed',
      bytes: await signRoot(next.root, trust.rootKeys),
      open: (bytes) => takeRoot(state, bytes, algorithms),
    },
    { name: 'policy', bytes: trust.policyBytes, open: (bytes) => openPolicy(state, bytes, null, now, algorithms) },
    {
      name: 'policy that more holders signed than it needs',
      bytes: await signPolicy(trust.policy, [...trust.policyKeys, ...moreHolders]),
      open: (bytes) => openPolicy(crowded('policy', moreHolders), bytes, null, now, algorithms),
    },
    { name: 'krl', bytes: krl, open: (bytes) => takeKrl(state, bytes, now, algorithms) },
    {
      name: 'freshness',
      bytes: await fixture.freshness(krl),
      open: (bytes) => openFreshness(held, bytes, now, null, algorithms),
    },
    {
      name: 'assignment',
      bytes: await fixture.assignment(),
      open: (bytes) => checkAssignment(held, bytes, fixture.deviceKey.keyIdHex, now, algorithms),
    },
    {
      name: 'envelope',
      bytes: await fixture.envelope(),
      open: (bytes) => checkEnvelope(held, bytes, null, now, algorithms),
    },
    {
      name: 'envelope with more blocks than it needs',
      bytes: await fixture.envelope(undefined, [trust.roleKey('manifest-a'), ...moreManifestKeys]),
      open: (bytes) => checkEnvelope(crowded('manifest-a', moreManifestKeys), bytes, null, now, algorithms),
    },
  ]
}

/** A root that lists more keys for a role, which needs no more of them for that. */
function listMore(root: Root, role: KeyRole, more: readonly SoftKey[], now: number): Root {
  const { threshold = 1, keyIds = [] } = root.roles.get(role) ?? {}
  return {
    ...root,
    keys: new Map([...root.keys, ...more.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)]),
    roles: new Map(root.roles).set(role, { threshold, keyIds: [...keyIds, ...more.map(({ keyIdHex }) => keyIdHex)] }),
  }
}

async function personSamples({ trust }: UpdateFixture): Promise<SignedSample[]> {
  const { policy, now, root } = trust
  const context = { policy, allowed: root.algorithms, revoked: nothingRevoked, now, algorithms }
  const subjectSha256 = sha256(Uint8Array.of(1))
  const image = { imageSha256: subjectSha256, imageSizeBytes: 10, sequence: 5, classId: CLASS_ID, version: '1.4.0' }
  const request: ApprovedRequest = {
    operation: 'sign',
    subjectSha256,
    requestId: 'r-1',
    image,
    requester: 'engineer-1',
  }
  return [
    {
      name: 'submission',
      bytes: await trust.submission('engineer-1', { ...image, requestId: 'r-1' }),
      open: (bytes) => openSubmission(bytes, context),
    },
    {
      name: 'approval',
      bytes: await trust.approval('manager-1', { operation: 'sign', subjectSha256, requestId: 'r-1', image }),
      open: (bytes) => checkApproval(bytes, request, context),
    },
  ]
}

async function deviceSamples({ trust, deviceKey }: UpdateFixture): Promise<SignedSample[]> {
  const { namespace, now, root } = trust
  const allowed = root.algorithms
  const zeros = new Uint8Array(32)
  const report: Report = {
    namespace,
    deviceId: deviceKey.keyIdHex,
    epoch: 1,
    counter: 7,
    time: now,
    runningManifestSha256: zeros,
    runningSequence: 0,
    runningImageSha256: zeros,
    rootVersion: 1,
    krlNumber: 1,
    state: 'idle',
  }
  const device = { namespace, deviceId: deviceKey.keyIdHex, key: deviceKey.key, allowed, algorithms }
  const counterEpoch = encodeCounterEpoch({ ...device, nonce: zeros, epoch: 2 })
  const nextKey = makeSoftKey()
  const keyChange = encodeKeyChange({ ...device, nonce: zeros, key: nextKey.key })
  const enrolment = encodeEnrolment({ namespace, key: deviceKey.key, classId: CLASS_ID, time: now })
  return [
    {
      name: 'report',
      bytes: await buildSign1(deviceKey, encodeReport(report), labelOf('report')),
      open: (bytes) => openReport(bytes, deviceKey.key, { namespace, deviceId: deviceKey.keyIdHex }, allowed),
    },
    {
      name: 'enrolment',
      bytes: await buildSign1(deviceKey, enrolment, labelOf('enrolment')),
      open: (bytes) => openEnrolment(namespace, bytes, allowed, algorithms),
    },
    {
      name: 'counter epoch',
      bytes: await buildSign1(deviceKey, counterEpoch, labelOf('counter-epoch')),
      open: (bytes) => openCounterEpoch(bytes, device),
    },
    {
      name: 'key change',
      bytes: encodeSign(keyChange, [
        await makeOneSignature(deviceKey, keyChange, labelOf('key-change')),
        await makeOneSignature(nextKey, keyChange, labelOf('key-change')),
      ]),
      open: (bytes) => openKeyChange(bytes, device),
    },
  ]
}
