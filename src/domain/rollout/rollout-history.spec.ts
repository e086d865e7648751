import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { addCounts, countsOf, totalOf, type Counts } from './counts.js'
import { decide, type RolloutEffect, type RolloutSnapshot } from './decide.js'
import {
  deploymentStates,
  isTerminal,
  nextDeploymentState,
  type DeploymentEvent,
  type DeploymentState,
  type ReportedState,
} from './deployment-state.js'
import { judgeGate } from './gate.js'

const gate = { confirmedPercent: 60 }
const words: readonly ReportedState[] = [
  'idle',
  'downloading',
  'installed',
  'rebooting',
  'confirmed',
  'failed',
  'reverted',
  'refused',
]
const events: fc.Arbitrary<DeploymentEvent> = fc.oneof(
  fc.constantFrom<DeploymentEvent>({ kind: 'offer' }, { kind: 'time-out' }, { kind: 'cancel' }, { kind: 'supersede' }),
  fc.record({ kind: fc.constant('report' as const), state: fc.constantFrom(...words), runsRelease: fc.boolean() }),
)
const countsIn = (devices: readonly DeploymentState[]): Counts =>
  countsOf(Object.fromEntries(deploymentStates.map((state) => [state, devices.filter((one) => one === state).length])))

interface Stage {
  state: 'waiting' | 'open' | 'passed'
  devices: DeploymentState[]
}

/** A rollout that carries out effects as the engine would, and holds each against what was promised. */
class World {
  state: RolloutSnapshot['state'] = 'running'
  readonly stages: Stage[]
  constructor(private readonly planned: readonly number[]) {
    this.stages = planned.map(() => ({ state: 'waiting', devices: [] }))
  }

  get snapshot(): RolloutSnapshot {
    const stages = this.stages.map(({ state, devices }) => ({ state, counts: countsIn(devices), acceptedFailures: 0 }))
    return {
      state: this.state,
      notBefore: 0,
      expires: 1_000,
      gate,
      failureLimit: { percent: 50 },
      stages,
      releaseRefusal: null,
    }
  }

  carryOut(effect: RolloutEffect): void {
    switch (effect.kind) {
      case 'open-stage':
        return this.open(effect.stage)
      case 'pass-stage':
        return this.pass(effect.stage)
      case 'pause':
        this.state = 'paused'
        return
      case 'finish':
        this.state = 'finished'
        expect(this.stages.map((stage) => stage.state)).toEqual(this.stages.map(() => 'passed'))
        expect(this.stages.flatMap((stage) => stage.devices).every(isTerminal)).toBe(true)
    }
  }

  /** Something happens to one of the devices reached so far. */
  meet(pick: number, event: DeploymentEvent): void {
    const places = this.stages.flatMap((stage) => stage.devices.map((_, index) => ({ stage, index })))
    const place = places[pick % Math.max(1, places.length)]
    const state = place?.stage.devices[place.index]
    if (place === undefined || state === undefined) return
    const next = nextDeploymentState(state, event)
    if (isTerminal(state)) expect(next).toBeNull()
    place.stage.devices[place.index] = next ?? state
    expect(totalOf(addCounts(this.stages.map((stage) => countsIn(stage.devices))))).toBe(places.length)
  }

  private open(index: number): void {
    const stage = this.stage(index)
    expect(stage.state).toBe('waiting')
    expect(this.stages.slice(0, index).every((before) => before.state === 'passed')).toBe(true)
    Object.assign(stage, { state: 'open', devices: Array.from({ length: this.planned[index] ?? 0 }, () => 'queued') })
    expect(this.stages.filter((each) => each.state === 'open')).toHaveLength(1)
  }

  private pass(index: number): void {
    const stage = this.stage(index)
    expect(judgeGate(gate, countsIn(stage.devices))).toBe('holds')
    stage.state = 'passed'
  }

  private stage(index: number): Stage {
    const stage = this.stages[index]
    if (stage === undefined) throw new Error(`no stage ${index}`)
    return stage
  }
}

it('over any history one stage is open at a time, no gate is skipped, nothing terminal moves, counts add up', () => {
  const history = fc.array(fc.tuple(fc.nat(), events), { maxLength: 150 })
  const sizes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 })
  const ends = new Set<string>()
  fc.assert(
    fc.property(sizes, history, (planned, steps) => {
      const world = new World(planned)
      for (const [pick, event] of steps) {
        const effects = decide(world.snapshot, 500)
        expect(effects.length).toBeLessThanOrEqual(1)
        for (const effect of effects) world.carryOut(effect)
        world.meet(pick, event)
      }
      ends.add(world.state)
    }),
    { numRuns: 300 },
  )
  // The histories reached what there is to reach.
  expect([...ends].toSorted()).toEqual(['finished', 'paused', 'running'])
})
