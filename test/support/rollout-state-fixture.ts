import { countsOf } from '../../src/domain/rollout/counts.js'
import type { DeploymentState } from '../../src/domain/rollout/deployment-state.js'
import { step } from '../../src/domain/rollout/engine.js'
import type { Rollout, RolloutEffect, RolloutEvent, Stage, StageState } from '../../src/domain/rollout/rollout-state.js'

/** A stage of a rollout, opened ones filled with these deployments. */
export const stage = (
  state: StageState,
  counts: Partial<Record<DeploymentState, number>> = {},
  change: Partial<Stage> = {},
): Stage => ({
  state,
  reach: { percent: 100 },
  gate: { confirmedPercent: 100 },
  soakSeconds: 0,
  wanted: state === 'waiting' ? null : Object.values(counts).reduce((sum, each) => sum + each, 0),
  filledAt: state === 'waiting' ? null : 150,
  heldSince: null,
  acceptedFailures: 0,
  counts: countsOf(counts),
  ...change,
})
export const rollout = (stages: readonly Stage[], change: Partial<Rollout> = {}): Rollout => ({
  state: 'running',
  pauseReason: null,
  pauseCode: null,
  notBefore: 100,
  expires: 1_000,
  failureLimit: { count: 0 },
  onFailure: 'pause',
  hasFallback: false,
  stages,
  ...change,
})
export const tick: RolloutEvent = { kind: 'tick', releaseRefusal: null }

/** What is told of a step: state, reason, stages, and effects by their names. */
export function told(before: Rollout, event: RolloutEvent, now: number) {
  const after = step(before, event, now)
  const name = (effect: RolloutEffect): string =>
    effect.kind === 'record' ? effect.event : 'stage' in effect ? `${effect.kind} ${effect.stage}` : effect.kind
  return {
    state: after.rollout.pauseReason ?? after.rollout.state,
    stages: after.rollout.stages.map((each) => each.state).join(' '),
    effects: after.effects.map(name),
  }
}
