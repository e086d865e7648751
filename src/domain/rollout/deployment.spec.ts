import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { nextDeployment, takesOver, type Deployment, type DeploymentEvent, type DeploymentRules } from './deployment.js'
import {
  activeStates,
  deploymentStates,
  hasEnded,
  modes,
  type DeploymentState,
  type ReportedState,
  type Running,
} from './deployment-state.js'

const NOW = 1_000
const words: readonly ReportedState[] = [
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
const runnings: readonly Running[] = ['release', 'older', 'newer']
const rules: DeploymentRules = { mode: 'forced', retries: 0, retryAfterSeconds: 60 }
const deployment = (state: DeploymentState, attempt = 1): Deployment => ({ state, attempt, dueAt: 0 })
const report = (state: ReportedState, running: Running = 'older'): DeploymentEvent => ({
  kind: 'report',
  state,
  running,
})
const after = (state: DeploymentState, event: DeploymentEvent, change: Partial<DeploymentRules> = {}, attempt = 1) =>
  nextDeployment(deployment(state, attempt), event, { ...rules, ...change }, NOW)?.state ?? null
const events: fc.Arbitrary<DeploymentEvent> = fc.oneof(
  fc.constantFrom<DeploymentEvent>(
    { kind: 'offer' },
    { kind: 'time-out' },
    { kind: 'cancel' },
    { kind: 'supersede' },
    { kind: 'requeue' },
  ),
  fc.record({
    kind: fc.constant('report' as const),
    state: fc.constantFrom(...words),
    running: fc.constantFrom(...runnings),
  }),
)
const anyRules = fc.record({
  mode: fc.constantFrom(...modes),
  retries: fc.integer({ min: 0, max: 3 }),
  retryAfterSeconds: fc.constant(60),
})

describe('a deployment', () => {
  it.each<[DeploymentState, DeploymentEvent, DeploymentState | null]>([
    ['queued', { kind: 'offer' }, 'offered'],
    ['offered', { kind: 'offer' }, null],
    ['offered', report('downloading'), 'downloading'],
    ['rebooting', report('confirmed', 'release'), 'confirmed'],
    // A client that cannot prove more.
    ['downloaded', report('installed'), 'installed'],
    ['installed', report('confirmed', 'release'), 'confirmed'],
    ['installed', report('confirmed'), 'reverted'],
    // Said done, runs the old image.
    ['rebooting', report('confirmed'), 'reverted'],
    // Said done, runs what another rollout gave it.
    ['rebooting', report('confirmed', 'newer'), 'superseded'],
    ['queued', report('idle', 'newer'), 'superseded'],
    ['offered', report('downloading', 'newer'), 'superseded'],
    // Runs the image on trial, has not confirmed it.
    ['rebooting', report('rebooting', 'release'), null],
    ['installing', report('idle', 'release'), null],
    // A power cut: the device begins again.
    ['installing', report('downloading'), 'downloading'],
    ['queued', report('failed'), null],
    ['queued', report('confirmed', 'release'), 'confirmed'],
    ['queued', { kind: 'time-out' }, null],
    ['queued', { kind: 'supersede' }, 'superseded'],
    ['offered', { kind: 'supersede' }, 'superseded'],
    // It has begun: nobody takes it away.
    ['downloading', { kind: 'supersede' }, null],
    ['downloaded', { kind: 'time-out' }, 'timedOut'],
    // We gave up too early.
    ['timedOut', report('confirmed', 'release'), 'confirmed'],
    ['timedOut', report('downloading'), null],
    // It fell back after it had confirmed (I-6).
    ['confirmed', report('idle'), 'reverted'],
    ['confirmed', report('idle', 'release'), null],
    ['confirmed', report('confirmed', 'newer'), null],
    ['superseded', { kind: 'requeue' }, 'queued'],
    ['cancelled', { kind: 'requeue' }, null],
  ])('in %s after %j is %s', (state, event, next) => {
    expect(after(state, event)).toBe(next)
  })

  it('that is only to be downloaded ends when the image is stored', () => {
    expect(after('downloading', report('downloaded'), { mode: 'download-only' })).toBe('stored')
    expect(after('downloading', report('downloaded'), { mode: 'soft' })).toBe('downloaded')
    expect(hasEnded('stored')).toBe(true)
  })

  it('is confirmed only by a confirmation of a device that runs the release', () => {
    fc.assert(
      fc.property(fc.constantFrom(...activeStates), events, anyRules, (state, event, some) => {
        const confirms = event.kind === 'report' && event.state === 'confirmed' && event.running === 'release'
        expect(after(state, event, some) === 'confirmed').toBe(confirms)
      }),
    )
  })

  it('never leaves its end, but for the three ways that are told', () => {
    const ends = deploymentStates.filter(hasEnded)
    fc.assert(
      fc.property(fc.constantFrom(...ends), events, anyRules, (state, event, some) => {
        const next = after(state, event, some)
        const ways = [
          null,
          ...(state === 'confirmed'
            ? ['reverted']
            : state === 'timedOut'
              ? ['confirmed']
              : state === 'superseded'
                ? ['queued']
                : []),
        ]
        expect(ways).toContain(next)
      }),
    )
  })

  it('that failed or timed out is tried again as often as the rollout says, later each time', () => {
    const patient = { ...rules, retries: 2 }
    const ends: (Deployment | null)[] = []
    let held: Deployment = deployment('offered')
    for (let turn = 0; turn < 3; turn += 1) {
      held = nextDeployment({ ...held, state: 'offered' }, report('failed'), patient, NOW) ?? held
      ends.push(held)
    }
    expect(ends).toEqual([
      { state: 'queued', attempt: 2, dueAt: NOW + 60 },
      { state: 'queued', attempt: 3, dueAt: NOW + 120 },
      { state: 'failed', attempt: 3, dueAt: NOW + 120 },
    ])
    expect(after('installing', { kind: 'time-out' }, { retries: 1 })).toBe('queued')
  })

  it('is not tried again by a device that refused or reverted it, also when that is heard only later', () => {
    expect(after('rebooting', report('reverted'), { retries: 3 })).toBe('reverted')
    expect(after('offered', report('refused'), { retries: 3 })).toBe('refused')
    // It had timed out; the word about its end came after the next attempt was queued.
    expect(after('queued', report('reverted'), { retries: 3 }, 2)).toBe('reverted')
    expect(after('queued', report('downloading'), { retries: 3 }, 2)).toBeNull()
  })

  it('of a device that flaps ends within its attempts', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 60, maxLength: 60 }), (history) => {
        let [held, offers] = [deployment('queued'), 0]
        for (const event of history) {
          // Other rollouts and people may begin anew for ever; devices may not.
          if (event.kind === 'requeue') continue
          const next = nextDeployment(held, event, { ...rules, retries: 2 }, NOW)
          if (event.kind === 'offer' && next !== null) offers += 1
          held = next ?? held
        }
        expect(offers).toBeLessThanOrEqual(3)
        expect(held.attempt).toBeLessThanOrEqual(3)
      }),
    )
  })
})

describe('of two rollouts that want one device', () => {
  const low = { priority: 0, sequence: 9 }
  it.each<[string, boolean, Parameters<typeof takesOver>]>([
    [
      'the higher priority has it',
      true,
      [
        { priority: 1, sequence: 3 },
        { ...low, state: 'offered' },
      ],
    ],
    ['the lower one waits, with a newer release too', false, [low, { priority: 1, sequence: 3, state: 'queued' }]],
    [
      'the newer release has it among equals',
      true,
      [
        { priority: 0, sequence: 10 },
        { ...low, state: 'queued' },
      ],
    ],
    ['the same release does not take it over', false, [low, { ...low, state: 'queued' }]],
    [
      'none takes away what a device has begun',
      false,
      [
        { priority: 9, sequence: 99 },
        { ...low, state: 'downloading' },
      ],
    ],
  ])('%s', (_, wins, claims) => {
    expect(takesOver(...claims)).toBe(wins)
  })
})
