import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { RolloutWorld, type WorldRules } from '../../../test/support/rollout-world.js'
import { always } from './calendar.js'
import { countsOf, totalOf } from './counts.js'
import type { ReportedState } from './deployment-state.js'
import type { DeploymentEvent } from './deployment.js'
import { commands, type CommandEvent, type Rollout } from './rollout-state.js'
import { Refusal } from '../refusal.js'

const words: readonly ReportedState[] = [
  'idle',
  'downloading',
  'rebooting',
  'confirmed',
  'failed',
  'reverted',
  'refused',
]
const deviceEvents: fc.Arbitrary<DeploymentEvent> = fc.oneof(
  fc.constantFrom<DeploymentEvent>({ kind: 'offer' }, { kind: 'time-out' }, { kind: 'supersede' }, { kind: 'requeue' }),
  fc.record({
    kind: fc.constant('report' as const),
    state: fc.constantFrom(...words),
    running: fc.constantFrom('release' as const, 'release' as const, 'older' as const, 'newer' as const),
  }),
)
const rules: WorldRules = {
  deployment: { mode: 'forced', retries: 1, retryAfterSeconds: 5 },
  rates: {},
  pace: { devicesPerHour: 1_000, devicesTotal: 1_000 },
  siteBudget: null,
  imageSizeBytes: 1,
  download: always,
  install: always,
  silenceSeconds: 1_000_000,
}
const planned = (reach: readonly number[]): Rollout => ({
  state: 'running',
  pauseReason: null,
  pauseCode: null,
  notBefore: 0,
  expires: 100_000,
  failureLimit: { percent: 50 },
  onFailure: 'pause',
  hasFallback: true,
  stages: reach.map((devices) => ({
    state: 'waiting',
    reach: { devices },
    gate: { confirmedPercent: 60 },
    soakSeconds: 10,
    wanted: null,
    filledAt: null,
    heldSince: null,
    acceptedFailures: 0,
    counts: countsOf(),
  })),
})

type Turn =
  | { readonly pick: number; readonly event: DeploymentEvent }
  | { readonly wait: number }
  | { readonly ask: CommandEvent['kind'] }
  | { readonly odd: 'stage-filled' | 'latecomers-sought' | 'stage-measured'; readonly stage: number }
const turns: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ pick: fc.nat(), event: deviceEvents }) },
  { weight: 6, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ ask: fc.constantFrom(...commands) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      odd: fc.constantFrom('stage-filled' as const, 'latecomers-sought' as const, 'stage-measured' as const),
      stage: fc.nat(4),
    }),
  },
)

function live(world: RolloutWorld, turn: Turn): void {
  const ids = [...world.held.keys()]
  if ('event' in turn) {
    const id = ids[turn.pick % Math.max(1, ids.length)]
    if (id !== undefined) world.meet(id, turn.event)
  } else if ('wait' in turn) world.now += turn.wait
  else if ('ask' in turn) ask(world, turn.ask)
  else if (turn.odd === 'latecomers-sought') world.take({ kind: turn.odd, found: 0 })
  else if (turn.odd === 'stage-measured') world.take({ kind: turn.odd, stage: turn.stage, members: 99, placed: 0 })
  else world.take({ kind: turn.odd, stage: turn.stage })
}

function ask(world: RolloutWorld, kind: CommandEvent['kind']): void {
  const before = world.rollout
  try {
    world.take({ kind })
  } catch (error) {
    // What a person may not ask changes nothing.
    if (!(error instanceof Refusal)) throw error
    expect(world.rollout).toBe(before)
  }
}

/** The world itself holds every step against what is promised; see `keepPromises`. */
it('over any history one stage is open at a time, no gate and no soak is skipped, ends are ends, counts add up', () => {
  const ends = new Set<string>()
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(sizes, fc.array(turns, { minLength: 40, maxLength: 160 }), (added, history) => {
      const reach = added.map((_, index) => added.slice(0, index + 1).reduce((sum, each) => sum + each, 0))
      const devices = Array.from({ length: reach.at(-1) ?? 0 }, (_, index) => ({
        id: `device-${index}`,
        zone: 'UTC',
        site: null,
        answer: () => 'is silent' as const,
        downloadSeconds: 1,
      }))
      const world = new RolloutWorld('rollout-1', planned(reach), rules, devices, 1)
      for (const turn of history) {
        if (world.rollout.state === 'running') world.settle()
        live(world, turn)
        expect(totalOf(world.counts)).toBe(world.held.size)
      }
      ends.add(world.rollout.state)
    }),
    { numRuns: 400 },
  )
  // The histories reached what there is to reach.
  expect([...ends].toSorted()).toEqual(['cancelled', 'finished', 'paused', 'rolledBack', 'running'])
})
