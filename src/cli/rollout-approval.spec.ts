import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'
import { CLASS_ID, VENDOR_ID } from '../../test/support/trust-fixture.js'
import { sha256, toBase64Url, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { wrappedSha256 } from '../domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../domain/suit/envelope.js'
import { encodeManifest } from '../domain/suit/manifest.js'
import { encodeText } from '../domain/suit/text.js'
import { checkApproval } from '../domain/trust/check-approvals.js'
import { encodeRolloutPlan, type RolloutPlan } from '../domain/trust/rollout-plan.js'

const text = encodeText({ description: '' })
const manifest = encodeManifest({
  sequence: 8,
  vendorId: VENDOR_ID,
  classId: CLASS_ID,
  imageSha256: sha256(text),
  imageSizeBytes: 5_000,
  version: '1.4.0',
  textSha256: wrappedSha256(text),
})
const digest = manifestSha256(manifest)
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

interface Lie {
  readonly plan?: Partial<RolloutPlan>
  readonly page?: object
  readonly release?: object
}

const planOf = (change: Partial<RolloutPlan> = {}): Uint8Array =>
  encodeRolloutPlan({
    namespace: bench.trust.namespace,
    rolloutId: 'w1',
    manifests: [digest],
    devicesPerHour: 20,
    devicesTotal: 60,
    notBefore: bench.trust.now,
    expires: bench.trust.now + 86_400,
    ...change,
  })

async function show(lie: Lie = {}): Promise<void> {
  const plan = planOf(lie.plan)
  const block = await buildBlock(bench.trust.roleKey('manifest-a'), digest)
  const page = {
    id: 'w1',
    state: 'planned',
    pauseReason: null,
    plan: toBase64Url(plan),
    planSha256: toHex(sha256(plan)),
    devicesPerHour: 20,
    devicesTotal: 60,
    approvals: [],
    release: { id: 'r8' },
    fallbackReleaseId: null,
    stages: [{ index: 0, size: 3, state: 'waiting', counts: { queued: 3 } }],
    totals: {},
    failuresByReason: {},
    ...lie.page,
  }
  const release = {
    id: 'r8',
    state: 'signed',
    requestId: 'request-8',
    sequence: 8,
    version: '1.4.0',
    classId: toHex(CLASS_ID),
    imageSha256: toHex(sha256(text)),
    imageSizeBytes: 5_000,
    manifestSha256: toHex(digest),
    manifest: toBase64Url(manifest),
    text: toBase64Url(text),
    submission: '',
    approvals: [],
    envelope: toBase64Url(encodeEnvelope(manifest, [block], text)),
    ...lie.release,
  }
  bench.courier.calls.length = 0
  bench.courier.on('GET /rollouts/w1', () => page)
  bench.courier.on('GET /releases/r8', () => release)
  bench.courier.on('POST /rollouts/w1/approvals', () => page)
}

const approve = () => bench.run('rollout', 'approve', 'w1', '--yes', ...bench.keyOf('fleet-1'))

describe('rollout approve', () => {
  beforeEach(() => show())

  it('shows the pace of the plan itself and signs its digest', async () => {
    const { output, errors } = await approve()
    expect(errors).toEqual([])
    expect(output).toContain('  pace          at most 20 devices an hour, 60 in all')
    expect(output).toContain('                at that pace the last device gets it after 3 hours at the earliest')
    const approval = bench.courier.posted('/rollouts/w1/approvals')[0]?.['approval'] ?? ''
    const checked = checkApproval(
      new Uint8Array(Buffer.from(approval, 'base64url')),
      { operation: 'rollout', subjectSha256: sha256(planOf()), requestId: 'w1', image: null, requester: null },
      {
        policy: bench.trust.policy,
        allowed: bench.trust.root.algorithms,
        revoked: new Map(),
        now: bench.trust.now,
        algorithms: nativeAlgorithms,
      },
    )
    expect([checked.person, checked.approval.expires]).toEqual(['fleet-1', bench.trust.now + 86_400])
  })

  it.each<[string, () => Lie, string]>([
    [
      'a plan for another pace than the page shows',
      () => ({ plan: { devicesPerHour: 2_000 } }),
      'PLAN_MISMATCH (field=devicesPerHour)',
    ],
    [
      'a plan for more devices than the page shows',
      () => ({ plan: { devicesTotal: 61 } }),
      'PLAN_MISMATCH (field=devicesTotal)',
    ],
    [
      'a plan for another release',
      () => ({ plan: { manifests: [sha256(digest)] } }),
      'PLAN_MISMATCH (field=manifests)',
    ],
    [
      'a plan with a second release',
      () => ({ plan: { manifests: [digest, sha256(digest)] } }),
      'PLAN_MISMATCH (field=manifests)',
    ],
    ['a plan of another rollout', () => ({ plan: { rolloutId: 'w2' } }), 'PLAN_MISMATCH (field=rolloutId)'],
    [
      'a digest that is not the plan’s',
      () => ({ page: { planSha256: '0'.repeat(64) } }),
      'PLAN_MISMATCH (field=planSha256)',
    ],
    [
      'a plan of another namespace',
      () => ({ plan: { namespace: 'gateway/lab' } }),
      'WRONG_NAMESPACE (expected=gateway/prod found=gateway/lab)',
    ],
    [
      'a version on the page that the envelope has not',
      () => ({ release: { version: '1.5.0' } }),
      'PLAN_MISMATCH (field=version)',
    ],
    ['a release without its envelope', () => ({ release: { envelope: null } }), 'STATE (what=release r8'],
    [
      'an envelope that nobody signed',
      () => ({ release: { envelope: toBase64Url(encodeEnvelope(manifest, [], text)) } }),
      'SIGNATURE_MISSING (role=manifest-a)',
    ],
  ])('refuses %s', async (_, lie, message) => {
    await show(lie())
    const { exitCode, errors } = await approve()
    expect(errors[0]).toContain(`refused: ${message}`)
    expect(exitCode).toBe(1)
    expect(bench.courier.posted('/rollouts/w1/approvals')).toEqual([])
  })
})

describe('rollout watch', () => {
  it.each([
    ['finished', 0],
    ['paused', 2],
    ['cancelled', 2],
  ])('ends when the rollout is %s', async (state, exitCode) => {
    const states = ['running', 'running', state]
    const counts = [{ queued: 3 }, { confirmed: 1, downloading: 2 }, { confirmed: 2, reverted: 1 }]
    let look = 0
    await show()
    const plan = planOf()
    bench.courier.on('GET /rollouts/w1', () => {
      const at = look
      look += 1
      return {
        id: 'w1',
        state: states[at],
        pauseReason: null,
        plan: toBase64Url(plan),
        planSha256: toHex(sha256(plan)),
        stages: [{ index: 0, size: 3, state: 'open', counts: counts[at] }],
        failuresByReason: at === 2 ? { 'health gate failed': 1 } : {},
      }
    })
    const run = await bench.run('rollout', 'watch', 'w1', '--json')
    expect(run.exitCode).toBe(exitCode)
    expect(run.output.map((line) => (JSON.parse(line) as { state: string }).state)).toEqual([
      'running',
      'running',
      state,
    ])
    look = 2
    const { output } = await bench.run('rollout', 'watch', 'w1')
    expect(output[1]).toContain('2 of 3 confirmed, 1 failed')
    expect(output[3]).toBe('       1  health gate failed')
  })
})
