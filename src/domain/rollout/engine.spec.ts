import { describe, expect, it } from '@jest/globals'
import { rollout, stage, tick, told } from '../../../test/support/rollout-state-fixture.js'
import type { DeploymentState } from './deployment-state.js'
import { step } from './engine.js'
import type { Rollout } from './rollout-state.js'

describe('time passes, and the rollout', () => {
  it.each<[string, Rollout, number, string, string, string[]]>([
    ['waits for its time', rollout([stage('waiting')]), 99, 'running', 'waiting', []],
    ['measures the first stage', rollout([stage('waiting')]), 100, 'running', 'waiting', ['measure-stage 0']],
    [
      'fills a stage',
      rollout([stage('open', { queued: 2 }, { wanted: 9, filledAt: null })]),
      200,
      'running',
      'open',
      ['fill-stage 0'],
    ],
    [
      'judges no gate before its stage is filled',
      rollout([stage('open', { confirmed: 2 }, { wanted: 9, filledAt: null })]),
      200,
      'running',
      'open',
      ['fill-stage 0'],
    ],
    [
      'waits for the gate',
      rollout([stage('open', { offered: 2 }), stage('waiting')]),
      200,
      'running',
      'open waiting',
      [],
    ],
    [
      'passes a stage whose gate holds',
      rollout([stage('open', { confirmed: 2 }), stage('waiting')]),
      200,
      'running',
      'passed waiting',
      ['rollout.stage-passed'],
    ],
    [
      'measures the next stage',
      rollout([stage('passed', { confirmed: 2 }), stage('waiting')]),
      200,
      'running',
      'passed waiting',
      ['measure-stage 1'],
    ],
    [
      'pauses at the limit',
      rollout([stage('open', { confirmed: 1, reverted: 1 })]),
      200,
      'failure-limit',
      'open',
      ['rollout.paused'],
    ],
    [
      'pauses at the limit while it is being filled',
      rollout([stage('open', { failed: 1 }, { wanted: 9, filledAt: null })]),
      200,
      'failure-limit',
      'open',
      ['rollout.paused'],
    ],
    [
      'pauses when the gate cannot hold',
      rollout([stage('open', { confirmed: 1, failed: 1 })], { failureLimit: { count: 9 } }),
      200,
      'gate-missed',
      'open',
      ['rollout.paused'],
    ],
    [
      'pauses at the end of the plan',
      rollout([stage('open', { queued: 1 })]),
      1_000,
      'plan-expired',
      'open',
      ['rollout.paused'],
    ],
    [
      'fills nothing after the end of the plan',
      rollout([stage('open', {}, { wanted: 9, filledAt: null })]),
      1_000,
      'plan-expired',
      'open',
      ['rollout.paused'],
    ],
    [
      'opens nothing after the end of the plan',
      rollout([stage('waiting')]),
      1_000,
      'plan-expired',
      'waiting',
      ['rollout.paused'],
    ],
    [
      'lets what was offered finish after the end of the plan',
      rollout([stage('open', { offered: 2 })]),
      1_000,
      'running',
      'open',
      [],
    ],
    ['waits for stragglers', rollout([stage('passed', { confirmed: 9, rebooting: 1 })]), 200, 'running', 'passed', []],
    [
      'pauses at the end of the plan when stragglers were never asked',
      rollout([stage('passed', { confirmed: 9, queued: 1 })]),
      1_000,
      'plan-expired',
      'passed',
      ['rollout.paused'],
    ],
    [
      'seeks latecomers before it finishes',
      rollout([stage('passed', { confirmed: 9 })]),
      200,
      'running',
      'passed',
      ['seek-latecomers'],
    ],
    [
      'finishes without them after the end of the plan',
      rollout([stage('passed', { confirmed: 9 })]),
      1_000,
      'finished',
      'passed',
      ['rollout.finished'],
    ],
    [
      'counts stored as done',
      rollout([stage('open', { stored: 3 })]),
      200,
      'running',
      'passed',
      ['rollout.stage-passed'],
    ],
    [
      'looks for new members while its last stage is open',
      rollout([stage('open', { offered: 2 })]),
      210,
      'running',
      'open',
      ['measure-stage 0'],
    ],
    [
      'looks for none while another stage waits',
      rollout([stage('open', { offered: 2 }), stage('waiting')]),
      210,
      'running',
      'open waiting',
      [],
    ],
    [
      'does nothing while paused',
      rollout([stage('waiting')], { state: 'paused', pauseReason: 'by-person' }),
      200,
      'by-person',
      'waiting',
      [],
    ],
  ])('%s', (_, before, now, state, stages, effects) => {
    expect(told(before, tick, now)).toEqual({ state, stages, effects })
  })

  it('pauses with the reason when a device would refuse the release', () => {
    const { rollout: after } = step(
      rollout([stage('open', { offered: 2 })]),
      { kind: 'tick', releaseRefusal: 'KEY_REVOKED' },
      200,
    )
    expect(after).toMatchObject({ state: 'paused', pauseReason: 'release-refused', pauseCode: 'KEY_REVOKED' })
  })

  it('rolls back where that was planned and approved, and else pauses', () => {
    const failing = [stage('open', { reverted: 1 })]
    const goesBack = { onFailure: 'roll-back', hasFallback: true } as const
    expect(told(rollout(failing, goesBack), tick, 200)).toEqual({
      state: 'rolledBack',
      stages: 'open',
      effects: ['take-back', 'start-fallback', 'rollout.rolled-back'],
    })
    expect(told(rollout(failing, { ...goesBack, hasFallback: false }), tick, 200).state).toBe('failure-limit')
    // No fallback could be assigned any more.
    expect(told(rollout(failing, goesBack), tick, 1_000).state).toBe('failure-limit')
  })
})

describe('a gate', () => {
  const soaking = (
    heldSince: number | null,
    counts: Partial<Record<DeploymentState, number>> = { confirmed: 9, offered: 1 },
  ) =>
    rollout([stage('open', counts, { gate: { confirmedPercent: 90 }, soakSeconds: 50, heldSince }), stage('waiting')], {
      failureLimit: { count: 9 },
    })

  it('has to hold through its soak', () => {
    const first = step(soaking(null), tick, 200).rollout
    expect(first.stages[0]).toMatchObject({ state: 'open', heldSince: 200 })
    expect(told(first, tick, 249).stages).toBe('open waiting')
    expect(step(first, tick, 250).effects).toEqual([
      { kind: 'record', event: 'rollout.stage-passed', detail: { stage: 0, confirmed: 9, needed: 9, failures: 0 } },
    ])
  })

  it('that breaks in its soak begins anew', () => {
    const broken = step(soaking(200, { confirmed: 8, reverted: 1, offered: 1 }), tick, 240).rollout
    expect(broken.stages[0]).toMatchObject({ state: 'open', heldSince: null })
    const again = step({ ...broken, stages: soaking(null).stages }, tick, 245).rollout
    expect(told(again, tick, 290).stages).toBe('open waiting')
    expect(told(again, tick, 295).stages).toBe('passed waiting')
  })

  it('is not skipped by an event that comes early, late, or twice', () => {
    const open = rollout([stage('open', { offered: 1 }), stage('waiting')])
    for (const event of [
      { kind: 'stage-measured', stage: 1, members: 9, placed: 1 },
      { kind: 'stage-filled', stage: 1 },
      { kind: 'stage-filled', stage: 0 },
      { kind: 'latecomers-sought', found: 0 },
    ] as const)
      expect(step(open, event, 200)).toEqual({ rollout: open, effects: [] })
    const passed = rollout([stage('passed', { confirmed: 1 })])
    expect(step(passed, { kind: 'stage-measured', stage: 0, members: 99, placed: 0 }, 200).rollout).toBe(passed)
    expect(step(passed, { kind: 'latecomers-sought', found: 1 }, 200).rollout.state).toBe('running')
    expect(step(passed, { kind: 'latecomers-sought', found: 0 }, 200).rollout.state).toBe('finished')
  })
})

describe('a stage', () => {
  it('opens with as many devices as its reach says, less those that are placed', () => {
    const before = rollout([stage('passed', { confirmed: 3 }), stage('waiting', {}, { reach: { percent: 10 } })])
    const { rollout: after, effects } = step(before, { kind: 'stage-measured', stage: 1, members: 200, placed: 3 }, 200)
    expect(after.stages[1]).toMatchObject({ state: 'open', wanted: 17, filledAt: null })
    expect(effects).toEqual([{ kind: 'record', event: 'rollout.stage-opened', detail: { stage: 1, devices: 17 } }])
    const filled = step(after, { kind: 'stage-filled', stage: 1 }, 210).rollout
    expect(filled.stages[1]).toMatchObject({ filledAt: 210 })
    expect(step(filled, { kind: 'stage-filled', stage: 1 }, 220).rollout).toBe(filled)
  })

  it('that brings in nobody is passed at once', () => {
    const before = rollout([stage('passed', { confirmed: 3 }), stage('waiting', {}, { reach: { devices: 2 } })])
    const opened = step(before, { kind: 'stage-measured', stage: 1, members: 200, placed: 3 }, 200).rollout
    expect(told(opened, tick, 200).stages).toBe('passed passed')
  })

  it('that is open and last takes in who has become a member', () => {
    const before = rollout([stage('open', { confirmed: 2 })])
    const grown = step(before, { kind: 'stage-measured', stage: 0, members: 5, placed: 0 }, 300).rollout
    expect(grown.stages[0]).toMatchObject({ wanted: 5, filledAt: null })
    // Devices that left the target are not taken back.
    const shrunk = step(before, { kind: 'stage-measured', stage: 0, members: 1, placed: 0 }, 300).rollout
    expect(shrunk.stages[0]).toMatchObject({ wanted: 2, filledAt: 300 })
  })
})
