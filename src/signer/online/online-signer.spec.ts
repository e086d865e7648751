import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex, utf8 } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import type { RefusalCode } from '../../domain/refusal.js'
import { acceptUpdate } from '../../domain/trust/accept-update.js'
import type { Approval } from '../../domain/trust/approval.js'
import { checkAssignment } from '../../domain/trust/check-assignment.js'
import { openFreshness, requireFresh } from '../../domain/trust/check-freshness.js'
import type { RolloutPlan } from '../../domain/trust/rollout-plan.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState, type TrustState } from '../../domain/trust/trust-state.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { MOST_FRESHNESS_PER_HOUR } from '../checks/freshness.check.js'
import { openJournal } from '../journal/journal-file.js'
import { JournalWriter } from '../journal/journal-writer.js'
import { publishAs } from '../../../test/support/published-release.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { deviceIdOf, SignerFixture } from '../../../test/support/signer-fixture.js'
import { CLASS_ID, VENDOR_ID, type FixtureOptions } from '../../../test/support/trust-fixture.js'

let fixture: SignerFixture
let release: SignerClient
let online: SignerClient
let krl: Uint8Array
let signed: { envelope: Uint8Array; digest: Uint8Array }
const begin = async (options: FixtureOptions = {}): Promise<void> => {
  fixture = await SignerFixture.make(options)
  release = await fixture.start('release')
  online = await fixture.start('online')
  krl = await fixture.signFirstKrl(release)
  signed = await fixture.signRelease(release, 1)
}
afterEach(() => fixture.dispose())

const assign = async (
  device: number,
  plan: Partial<RolloutPlan> = {},
  approvers?: readonly string[],
  approval?: Partial<Approval>,
): Promise<Uint8Array> => {
  const approved = await fixture.approvedPlan(fixture.plan([signed.digest], plan), approvers, approval)
  const request = { deviceId: deviceIdOf(device), manifestSha256: signed.digest, ...approved }
  return (await online.request('assign', request)).assignment
}

/** What a device holds that walked to the same documents. */
function deviceState(): TrustState {
  const anchored = anchorState(fixture.trust.rootBytes, nativeAlgorithms)
  return takeKrl(anchored, krl, fixture.clock.seconds, nativeAlgorithms)
}

describe('freshness', () => {
  beforeEach(() => begin())

  it('names the root and KRL it holds for a day, with the nonce that was asked for', async () => {
    const nonce = new Uint8Array(randomBytes(16))
    const { freshness } = await online.request('freshness', { nonce })
    const found = openFreshness(deviceState(), freshness, fixture.clock.seconds, nonce, nativeAlgorithms)
    requireFresh(deviceState(), found)
    expect(found).toEqual({
      namespace: 'gateway/prod',
      time: fixture.clock.seconds,
      expires: fixture.clock.seconds + 86_400,
      krlNumber: 1,
      krlSha256: sha256(krl),
      rootVersion: 1,
      nonce,
    })
  })

  it('names a newer root and KRL as soon as they are published', async () => {
    const next = await fixture.trust.nextRoot({})
    await release.request('import', { trust: fixture.courier({ roots: [next.bytes] }) })
    const request = fixture.krlRequest(fixture.trust.krl({ number: 2, previousSha256: sha256(krl) }))
    krl = (await release.request('krl', await request)).krl
    const { freshness } = await online.request('freshness', { nonce: null })
    const state = { ...deviceState(), root: { ...fixture.trust.root, version: 2 } }
    const found = openFreshness(state, freshness, fixture.clock.seconds, null, nativeAlgorithms)
    expect(found).toMatchObject({ rootVersion: 2, krlNumber: 2, krlSha256: sha256(krl) })
  })

  it('is refused beyond what an hour allows, also by a signer that starts again, and is there with the next hour', async () => {
    const early = fixture.clock.seconds - (fixture.clock.seconds % 3_600) + 3_600
    fixture.clock.seconds = early
    await fixture.stop('online')
    const written = fixture.config('online').SIGNER_STATE_DIR
    const journal = openJournal(written, 'gateway/prod', () => undefined)
    const writer = new JournalWriter('gateway/prod', journal)
    const entry = { kind: 'freshness', keyId: 'ab', krlNumber: 1, rootVersion: 1, expires: early } as const
    const count = MOST_FRESHNESS_PER_HOUR - 1
    await Promise.all(Array.from({ length: count }, () => writer.append({ time: early, entry })))
    await writer.close()
    online = await fixture.start('online')
    await online.request('freshness', { nonce: null })
    await expect(online.request('freshness', { nonce: null })).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 14))
    fixture.clock.seconds += 3_600
    await expect(online.request('freshness', { nonce: null })).resolves.toHaveProperty('freshness')
  })
})

describe('an assignment', () => {
  it('is given again to the devices of a plan no more than a hundred times a day while they are few', async () => {
    await begin()
    await assign(1)
    for (let n = 0; n < 100; n += 1) await assign(1)
    await expect(assign(1)).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 24))
    // Others have theirs all the same.
    await expect(assign(2)).resolves.toBeInstanceOf(Uint8Array)
  })

  it('is for one device, for a day, and a device accepts it with the release', async () => {
    await begin()
    const bytes = await assign(1)
    const assignment = checkAssignment(deviceState(), bytes, deviceIdOf(1), fixture.clock.seconds, nativeAlgorithms)
    expect(assignment).toMatchObject({ sequence: 1, leastKrlNumber: 1, rolloutId: 'rollout-1' })
    expect(assignment.expires - assignment.notBefore).toBe(86_400)
    // The device's clock may be a little behind the signer's.
    const behind = fixture.clock.seconds - 299
    expect(checkAssignment(deviceState(), bytes, deviceIdOf(1), behind, nativeAlgorithms)).toEqual(assignment)
    const { freshness } = await online.request('freshness', { nonce: null })
    const offer = { roots: [], krl, freshness, assignment: bytes, envelope: signed.envelope }
    const device = {
      deviceId: deviceIdOf(1),
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      clockSeconds: fixture.clock.seconds,
    }
    const context = { namespace: 'gateway/prod', algorithms: nativeAlgorithms, nonce: null, ...device }
    const accepted = acceptUpdate(
      anchorState(fixture.trust.rootBytes, nativeAlgorithms),
      offer,
      context,
      () => undefined,
    )
    expect(toHex(accepted.manifestSha256)).toBe(toHex(signed.digest))
  })

  it('ends with its plan', async () => {
    await begin()
    const bytes = await assign(1, { expires: fixture.clock.seconds + 500 })
    const { expires } = checkAssignment(deviceState(), bytes, deviceIdOf(1), fixture.clock.seconds, nativeAlgorithms)
    expect(expires).toBe(fixture.clock.seconds + 500)
  })

  const other = sha256(utf8('another release'))
  const cases: readonly (readonly [
    what: string,
    code: RefusalCode,
    check: number,
    plan: (now: number) => Partial<RolloutPlan>,
    approvers?: readonly string[],
    approval?: Partial<Approval>,
  ])[] = [
    ['under a plan of another namespace', 'WRONG_NAMESPACE', 2, () => ({ namespace: 'gateway/dev' })],
    ['under a plan for another release', 'PLAN_MISMATCH', 23, () => ({ manifests: [other] })],
    ['under a plan above the ceiling of the policy', 'PLAN_MISMATCH', 23, () => ({ devicesPerHour: 201 })],
    ['under a plan that ended', 'PLAN_NOT_ACTIVE', 23, (now) => ({ notBefore: now - 100, expires: now })],
    ['under a plan that has not begun', 'PLAN_NOT_ACTIVE', 23, (now) => ({ notBefore: now + 1 })],
    ['under a plan that nobody approved', 'APPROVALS_MISSING', 12, () => ({}), []],
    ['under a plan of fewer fleet managers than the policy wants', 'QUORUM_NOT_MET', 12, () => ({}), ['fleet-1']],
    ['under a plan approved by others', 'QUORUM_NOT_MET', 12, () => ({}), ['manager-1', 'manager-2']],
    [
      'with approvals of another plan',
      'APPROVAL_MISMATCH',
      12,
      () => ({}),
      ['fleet-1', 'fleet-2'],
      { subjectSha256: other },
    ],
    [
      'with approvals of another rollout',
      'APPROVAL_MISMATCH',
      12,
      () => ({}),
      ['fleet-1', 'fleet-2'],
      { requestId: 'rollout-2' },
    ],
  ]
  it.each(cases)('%s is refused', async (_, code, check, plan, ...[approvers, approval]) => {
    await begin({ policy: { limits: { devicesPerHour: 200, minRolloutApprovers: 2 } } })
    const change = plan(fixture.clock.seconds)
    await expect(assign(1, change, approvers ?? ['fleet-1', 'fleet-2'], approval)).rejects.toEqual(
      refusedBySigner(code, check),
    )
    await expect(assign(1, {}, ['fleet-1', 'fleet-2'])).resolves.toBeInstanceOf(Uint8Array)
  })

  it('of a release that was never published is refused', async () => {
    await begin()
    signed = { ...signed, digest: other }
    await expect(assign(1)).rejects.toEqual(refusedBySigner('RELEASE_UNKNOWN', 21))
  })

  it('of a release whose file was exchanged is refused', async () => {
    await begin()
    const another = await fixture.signRelease(release, 2)
    publishAs(fixture.folder, toHex(signed.digest), another.envelope)
    await expect(assign(1)).rejects.toEqual(refusedBySigner('DIGEST_MISMATCH', 22))
  })

  it('is refused from the moment that a KRL revokes the manifest key', async () => {
    await begin()
    await assign(1)
    const keys = [{ keyId: fixture.keyIds.get('manifest-a') ?? '', reason: 1, time: fixture.clock.seconds }]
    const next = fixture.trust.krl({ number: 2, keys, previousSha256: sha256(krl) })
    await release.request('krl', await fixture.krlRequest(next))
    await expect(assign(1)).rejects.toEqual(refusedBySigner('KEY_REVOKED', 22))
  })

  it('is refused when the folder of the release signer falls back to an older policy', async () => {
    await begin()
    await assign(1)
    const before = fixture.policyHeld.bytes
    fixture.policyHeld = await fixture.trust.nextPolicy({})
    await release.request('import', { trust: fixture.courier() })
    await assign(2)
    writeFileSync(join(fixture.folder, 'published', 'policy.cbor'), before)
    await expect(assign(3)).rejects.toEqual(refusedBySigner('POLICY_VERSION', 3))
  })

  it('goes by what it holds when the folder is gone', async () => {
    await begin()
    await assign(1)
    for (const name of ['policy.cbor', 'krl.cbor']) rmSync(join(fixture.folder, 'published', name))
    await expect(assign(2)).resolves.toBeInstanceOf(Uint8Array)
  })
})

describe('the pace that people signed', () => {
  it('bounds distinct devices in an hour, gives the same device its assignment again, and opens with the next hour', async () => {
    await begin()
    const plan = { devicesPerHour: 2 }
    await assign(1, plan)
    await assign(2, plan)
    await assign(1, plan)
    await expect(assign(3, plan)).rejects.toEqual(refusedBySigner('PACE_EXCEEDED', 24))
    const fixedPlan = { ...plan, notBefore: fixture.clock.seconds - 60, expires: fixture.clock.seconds + 7 * 86_400 }
    fixture.clock.seconds += 3_600
    await expect(assign(3, fixedPlan, ['fleet-1'], { expires: fixture.clock.seconds + 10 })).resolves.toBeInstanceOf(
      Uint8Array,
    )
  })

  it('bounds distinct devices in total', async () => {
    await begin()
    const plan = { devicesTotal: 2, ...fixedLife() }
    await assign(1, plan)
    await assign(2, plan)
    fixture.clock.seconds += 7_200
    const approval = { expires: fixture.clock.seconds + 10 }
    await expect(assign(3, plan, ['fleet-1'], approval)).rejects.toEqual(refusedBySigner('PACE_EXCEEDED', 24))
    await expect(assign(2, plan, ['fleet-1'], approval)).resolves.toBeInstanceOf(Uint8Array)
  })

  it('holds for requests that race', async () => {
    await begin()
    const approved = await fixture.approvedPlan(fixture.plan([signed.digest], { devicesPerHour: 5 }))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, device) =>
        online.request('assign', { deviceId: deviceIdOf(device), manifestSha256: signed.digest, ...approved }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
  })

  it('is remembered over a restart', async () => {
    await begin()
    const plan = { devicesPerHour: 1, ...fixedLife() }
    await assign(1, plan)
    await fixture.stop('online')
    online = await fixture.start('online')
    await expect(assign(2, plan)).rejects.toEqual(refusedBySigner('PACE_EXCEEDED', 24))
    await expect(assign(1, plan)).resolves.toBeInstanceOf(Uint8Array)
  })
})

const fixedLife = (): Pick<RolloutPlan, 'notBefore' | 'expires'> => ({
  notBefore: fixture.clock.seconds - 60,
  expires: fixture.clock.seconds + 7 * 86_400,
})

describe('who serves what', () => {
  beforeEach(() => begin())

  it('the online signer signs no releases, the release signer no assignments', async () => {
    await expect(online.request('sign', await fixture.signRequest(2))).rejects.toEqual(
      refusedBySigner('ROLE_NOT_SERVED', 1),
    )
    await expect(release.request('freshness', { nonce: null })).rejects.toEqual(refusedBySigner('ROLE_NOT_SERVED', 1))
  })
})
