import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { countsOf } from './counts.js'
import { decide, type RolloutSnapshot } from './decide.js'
import {
  activeStates,
  deploymentStates,
  isTerminal,
  nextDeploymentState,
  type DeploymentEvent,
  type DeploymentState,
  type ReportedState,
} from './deployment-state.js'
import { isLimitPassed, judgeGate } from './gate.js'
import { orderOf, placeOf, requireStages, stageSizes, type StageReach } from './stage.js'

const refusal = (code: string, detail: object): Error =>
  expect.objectContaining({ name: 'Refusal', code, detail }) as never
const reported: readonly ReportedState[] = [
  'idle',
  'downloading',
  'downloaded',
  'installing',
  'installed',
  'rebooting',
  'confirmed',
  'failed',
  'reverted',
  'refused',
]
const report = (state: ReportedState, runsRelease = false): DeploymentEvent => ({ kind: 'report', state, runsRelease })
const events: fc.Arbitrary<DeploymentEvent> = fc.oneof(
  fc.constantFrom<DeploymentEvent>({ kind: 'offer' }, { kind: 'time-out' }, { kind: 'cancel' }, { kind: 'supersede' }),
  fc.record({ kind: fc.constant('report' as const), state: fc.constantFrom(...reported), runsRelease: fc.boolean() }),
)

describe('a deployment', () => {
  it.each<[DeploymentState, DeploymentEvent, DeploymentState | null]>([
    ['queued', { kind: 'offer' }, 'offered'],
    ['offered', { kind: 'offer' }, null],
    ['offered', report('downloading'), 'downloading'],
    ['rebooting', report('confirmed', true), 'confirmed'],
    // A client that cannot prove more.
    ['downloaded', report('installed'), 'installed'],
    ['installed', report('confirmed', true), 'confirmed'],
    ['installed', report('confirmed', false), 'reverted'],
    // Said done, runs the old image.
    ['rebooting', report('confirmed', false), 'reverted'],
    // Runs the image on trial, has not confirmed it.
    ['rebooting', report('rebooting', true), null],
    ['installing', report('idle', true), null],
    // A power cut: the device begins again.
    ['installing', report('downloading'), 'downloading'],
    ['queued', report('failed'), null],
    ['queued', { kind: 'time-out' }, null],
    ['queued', { kind: 'supersede' }, 'superseded'],
    ['downloaded', { kind: 'time-out' }, 'timedOut'],
  ])('in %s after %j is %s', (state, event, next) => {
    expect(nextDeploymentState(state, event)).toBe(next)
  })
  it('never leaves a terminal state', () => {
    const terminal = fc.constantFrom(...deploymentStates.filter(isTerminal))
    fc.assert(fc.property(terminal, events, (state, event) => nextDeploymentState(state, event) === null))
  })
  it('is confirmed only by a confirmation of a device that runs the release', () => {
    fc.assert(
      fc.property(fc.constantFrom(...activeStates), events, (state, event) => {
        const confirms = event.kind === 'report' && event.state === 'confirmed' && event.runsRelease
        expect(nextDeploymentState(state, event) === 'confirmed').toBe(confirms)
      }),
    )
  })
})

describe('stages', () => {
  it('reach as far as they say', () => {
    expect(stageSizes([{ devices: 3 }, { percent: 1 }, { percent: 10 }, { percent: 100 }], 200)).toEqual([
      3, 0, 17, 180,
    ])
    expect(stageSizes([{ devices: 3 }, { percent: 100 }], 2)).toEqual([2, 0])
    expect(stageSizes([{ percent: 1 }], 20)).toEqual([1])
  })
  it('add up to no more than the members, and to all at 100 %', () => {
    const stage: fc.Arbitrary<StageReach> = fc.oneof(
      fc.record({ devices: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
    )
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 6 }), fc.nat(1_000), (stages, members) => {
        const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
        const sizes = stageSizes([...stages, { percent: 100 }], members)
        expect(sizes.every((size) => size >= 0)).toBe(true)
        expect(sum(sizes)).toBe(members)
        expect(sum(stageSizes(stages, members))).toBeLessThanOrEqual(members)
      }),
    )
  })
  it.each<[string, StageReach[], string, string]>([
    ['none', [], 'stages.0', '1 to 32 stages'],
    ['too many', Array.from({ length: 33 }, (_, index) => ({ devices: index + 1 })), 'stages.0', '1 to 32 stages'],
    ['part of a device', [{ devices: 1.5 }], 'stages.0', 'a whole number of devices above that of the stages before'],
    [
      'no more devices',
      [{ devices: 3 }, { devices: 3 }],
      'stages.1',
      'a whole number of devices above that of the stages before',
    ],
    ['more than all', [{ percent: 101 }], 'stages.0', 'a share up to 100 and above that of the stages before'],
    [
      'a smaller share',
      [{ percent: 50 }, { percent: 10 }],
      'stages.1',
      'a share up to 100 and above that of the stages before',
    ],
  ])('of %s are refused', (_, stages, field, why) => {
    expect(() => requireStages(stages)).toThrow(refusal('REQUEST_INVALID', { field, why }))
  })
  it('take devices in an order of their own for each rollout, whatever the order they are listed in', () => {
    const ids = Array.from({ length: 50 }, (_, index) => `device-${index}`)
    const order = orderOf('rollout-1', ids)
    expect(orderOf('rollout-1', ids.toReversed())).toEqual(order)
    expect(orderOf('rollout-2', ids)).not.toEqual(order)
    expect(order.toSorted()).toEqual(ids.toSorted())
    expect(placeOf('rollout-1', 'device-1')).toHaveLength(32)
  })
})

describe('a gate', () => {
  it.each([
    ['holds', { confirmed: 9, failed: 1 }],
    ['open', { confirmed: 8, failed: 1, offered: 1 }],
    ['missed', { confirmed: 8, failed: 2 }],
    // Devices taken away from the rollout do not judge the release.
    ['holds', { confirmed: 9, superseded: 40, cancelled: 2 }],
    ['holds', {}],
  ] as const)('%s at %j', (verdict, counts) => {
    expect(judgeGate({ confirmedPercent: 90 }, countsOf(counts))).toBe(verdict)
  })
  it('counts every kind of failure, and only what no person has accepted', () => {
    const counts = countsOf({ failed: 1, reverted: 1, refused: 1, timedOut: 1, confirmed: 6 })
    expect(isLimitPassed({ count: 3 }, [{ counts, acceptedFailures: 0 }])).toBe(true)
    expect(isLimitPassed({ count: 4 }, [{ counts, acceptedFailures: 0 }])).toBe(false)
    expect(isLimitPassed({ count: 3 }, [{ counts, acceptedFailures: 1 }])).toBe(false)
    expect(isLimitPassed({ percent: 39 }, [{ counts, acceptedFailures: 0 }])).toBe(true)
    expect(isLimitPassed({ percent: 40 }, [{ counts, acceptedFailures: 0 }])).toBe(false)
  })
})

const snapshot = (over: Partial<RolloutSnapshot> = {}): RolloutSnapshot => ({
  state: 'running',
  notBefore: 100,
  expires: 1_000,
  gate: { confirmedPercent: 100 },
  failureLimit: { count: 0 },
  stages: [
    { state: 'open', counts: countsOf({ offered: 2 }), acceptedFailures: 0 },
    { state: 'waiting', counts: countsOf(), acceptedFailures: 0 },
  ],
  releaseRefusal: null,
  ...over,
})
const stages = (
  ...rows: readonly [RolloutSnapshot['stages'][number]['state'], Partial<Record<DeploymentState, number>>][]
) => rows.map(([state, counts]) => ({ state, counts: countsOf(counts), acceptedFailures: 0 }))

describe('the next step', () => {
  it.each([
    ['waits for its time', snapshot({ stages: stages(['waiting', {}]) }), 99, []],
    ['opens the first stage', snapshot({ stages: stages(['waiting', {}]) }), 100, [{ kind: 'open-stage', stage: 0 }]],
    ['waits for the gate', snapshot(), 200, []],
    [
      'passes a stage whose gate holds',
      snapshot({ stages: stages(['open', { confirmed: 2 }], ['waiting', {}]) }),
      200,
      [{ kind: 'pass-stage', stage: 0 }],
    ],
    [
      'opens the next stage',
      snapshot({ stages: stages(['passed', { confirmed: 2 }], ['waiting', {}]) }),
      200,
      [{ kind: 'open-stage', stage: 1 }],
    ],
    [
      'pauses at the limit',
      snapshot({ stages: stages(['open', { confirmed: 1, reverted: 1 }]) }),
      200,
      [{ kind: 'pause', reason: 'failure-limit', stage: 0 }],
    ],
    [
      'pauses when the gate cannot hold',
      snapshot({ failureLimit: { count: 9 }, stages: stages(['open', { confirmed: 1, failed: 1 }]) }),
      200,
      [{ kind: 'pause', reason: 'gate-missed', stage: 0 }],
    ],
    [
      'pauses when the release is refused',
      snapshot({ releaseRefusal: 'KEY_REVOKED' }),
      200,
      [{ kind: 'pause', reason: 'release-refused', stage: 0 }],
    ],
    [
      'pauses at the end of the plan',
      snapshot({ stages: stages(['open', { queued: 1 }]) }),
      1_000,
      [{ kind: 'pause', reason: 'plan-expired', stage: 0 }],
    ],
    [
      'opens nothing after the end of the plan',
      snapshot({ stages: stages(['waiting', {}]) }),
      1_000,
      [{ kind: 'pause', reason: 'plan-expired', stage: null }],
    ],
    ['lets what was offered finish after the end of the plan', snapshot(), 1_000, []],
    ['waits for stragglers', snapshot({ stages: stages(['passed', { confirmed: 9, rebooting: 1 }]) }), 200, []],
    [
      'pauses at the end of the plan when stragglers were never asked',
      snapshot({ stages: stages(['passed', { confirmed: 9, queued: 1 }]) }),
      1_000,
      [{ kind: 'pause', reason: 'plan-expired', stage: null }],
    ],
    ['finishes', snapshot({ stages: stages(['passed', { confirmed: 9 }]) }), 200, [{ kind: 'finish' }]],
    ['does nothing while paused', snapshot({ state: 'paused', stages: stages(['waiting', {}]) }), 200, []],
  ])('%s', (_, rollout, now, effects) => {
    expect(decide(rollout, now)).toEqual(effects)
  })
})
