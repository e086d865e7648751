import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { rollout, stage, tick, told } from '../../../test/support/rollout-state-fixture.js'
import { step } from './engine.js'
import type { CommandEvent, Rollout, Stage } from './rollout-state.js'

describe('a person', () => {
  const ask = (before: Rollout, kind: CommandEvent['kind'], now = 200) => told(before, { kind }, now)
  const paused = (stages: readonly Stage[], change: Partial<Rollout> = {}) =>
    rollout(stages, { state: 'paused', pauseReason: 'by-person', ...change })

  it('starts, pauses, resumes and cancels', () => {
    expect(ask(rollout([stage('waiting')], { state: 'planned' }), 'start')).toMatchObject({
      state: 'running',
      effects: ['rollout.started'],
    })
    expect(ask(rollout([stage('open', { offered: 1 })]), 'pause')).toMatchObject({
      state: 'by-person',
      effects: ['rollout.paused'],
    })
    expect(ask(paused([stage('waiting')]), 'pause').effects).toEqual([])
    expect(ask(paused([stage('waiting')]), 'resume')).toMatchObject({
      state: 'running',
      effects: ['forgive-silence', 'rollout.resumed'],
    })
    expect(ask(paused([stage('waiting')]), 'cancel')).toMatchObject({
      state: 'cancelled',
      effects: ['take-back', 'rollout.cancelled'],
    })
  })

  it('who resumes accepts the failures so far, and lets a soak begin anew', () => {
    const before = paused(
      [stage('open', { failed: 2, confirmed: 8 }, { gate: { confirmedPercent: 50 }, heldSince: 120 })],
      {
        pauseReason: 'failure-limit',
      },
    )
    const { rollout: after } = step(before, { kind: 'resume' }, 200)
    expect(after.stages[0]).toMatchObject({ acceptedFailures: 2, heldSince: null })
    expect(told(after, tick, 200).state).toBe('running')
  })

  it('who resumes does not get over a gate that cannot hold, nor over the end of the plan', () => {
    const missed = paused([stage('open', { failed: 1, confirmed: 1 })], { pauseReason: 'gate-missed' })
    expect(refusedBy(() => step(missed, { kind: 'resume' }, 200))).toEqual({
      code: 'CONFLICT',
      detail: {
        what: 'rollout',
        why: 'the gate of the open stage can no longer hold; roll it back, or cancel it and make another',
      },
    })
    expect(refusedBy(() => step(paused([stage('waiting')]), { kind: 'resume' }, 1_000))).toEqual({
      code: 'CONFLICT',
      detail: { what: 'rollout', why: 'the approved plan has ended' },
    })
  })

  it('rolls back to the fallback, also when all is finished, and to nothing else', () => {
    const done = rollout([stage('passed', { confirmed: 2 })], { state: 'finished', hasFallback: true })
    expect(ask(done, 'roll-back')).toMatchObject({
      state: 'rolledBack',
      effects: ['take-back', 'start-fallback', 'rollout.rolled-back'],
    })
    expect(refusedBy(() => step({ ...done, hasFallback: false }, { kind: 'roll-back' }, 200))).toEqual({
      code: 'CONFLICT',
      detail: { what: 'rollout', why: 'no fallback was approved with it' },
    })
  })

  it.each<[CommandEvent['kind'], Rollout['state'], string]>([
    ['start', 'running', 'planned'],
    ['start', 'cancelled', 'planned'],
    ['pause', 'planned', 'running or paused'],
    ['resume', 'running', 'paused'],
    ['cancel', 'finished', 'planned or running or paused'],
    ['roll-back', 'planned', 'running or paused or finished'],
    ['roll-back', 'rolledBack', 'running or paused or finished'],
  ])('cannot %s a rollout that is %s', (kind, state, wanted) => {
    expect(refusedBy(() => step(rollout([stage('waiting')], { state }), { kind }, 200))).toEqual({
      code: 'STATE',
      detail: { what: 'rollout', state, wanted },
    })
  })
})
