import { activeOf, type Counts } from './counts.js'
import { isLimitPassed, judgeGate, type FailureLimit, type Gate } from './gate.js'

export type RolloutState = 'planned' | 'running' | 'paused' | 'finished' | 'cancelled'
export type StageState = 'waiting' | 'open' | 'passed'

/** Why a rollout stands still. The engine gives the first four here, the signer the fifth, a person the last. */
export type PauseReason =
  'failure-limit' | 'gate-missed' | 'plan-expired' | 'release-refused' | 'signer-refused' | 'by-person'

/** One rollout as the engine reads it: what it may do next follows from this and the time alone. */
export interface RolloutSnapshot {
  readonly state: RolloutState
  /** From the approved plan, seconds since the epoch: nothing is opened or offered outside. */
  readonly notBefore: number
  readonly expires: number
  readonly gate: Gate
  readonly failureLimit: FailureLimit
  /** In order; at most one is open, those before it are passed, those behind it waiting. */
  readonly stages: readonly StageSnapshot[]
  /** Why the release would be refused by a device now (I-2), or null. */
  readonly releaseRefusal: string | null
}
export interface StageSnapshot {
  readonly state: StageState
  readonly counts: Counts
  readonly acceptedFailures: number
}

/** What the engine does next. Each is safe to repeat: it names the stage or state it starts from. */
export type RolloutEffect =
  | { readonly kind: 'open-stage'; readonly stage: number }
  | { readonly kind: 'pass-stage'; readonly stage: number }
  | { readonly kind: 'pause'; readonly reason: PauseReason; readonly stage: number | null }
  | { readonly kind: 'finish' }

/**
 * The next step of a running rollout; none when it has to wait.
 * At most one stage is opened at a time, and only behind a stage whose gate holds.
 * @param now seconds since the epoch.
 */
export function decide(rollout: RolloutSnapshot, now: number): readonly RolloutEffect[] {
  if (rollout.state !== 'running') return []
  const opened = rollout.stages.filter((stage) => stage.state !== 'waiting')
  const current = rollout.stages.findIndex((stage) => stage.state === 'open')
  const pause = (reason: PauseReason): readonly RolloutEffect[] => [
    { kind: 'pause', reason, stage: current === -1 ? null : current },
  ]
  if (rollout.releaseRefusal !== null) return pause('release-refused')
  if (isLimitPassed(rollout.failureLimit, opened)) return pause('failure-limit')
  if (current !== -1) return judgeOpenStage(rollout, current, now)
  const next = rollout.stages.findIndex((stage) => stage.state === 'waiting')
  if (next !== -1 && now >= rollout.expires) return pause('plan-expired')
  if (next !== -1) return now < rollout.notBefore ? [] : [{ kind: 'open-stage', stage: next }]
  // Every gate held. What is still under way in passed stages belongs to the result.
  if (now >= rollout.expires && opened.some((stage) => stage.counts.queued > 0)) return pause('plan-expired')
  return opened.some((stage) => activeOf(stage.counts) > 0) ? [] : [{ kind: 'finish' }]
}

function judgeOpenStage(rollout: RolloutSnapshot, index: number, now: number): readonly RolloutEffect[] {
  const stage = rollout.stages[index]
  if (stage === undefined) return []
  switch (judgeGate(rollout.gate, stage.counts)) {
    case 'holds':
      return [{ kind: 'pass-stage', stage: index }]
    case 'missed':
      return [{ kind: 'pause', reason: 'gate-missed', stage: index }]
    case 'open':
      // Who is queued after the end of the plan gets no assignment any more.
      return now >= rollout.expires && stage.counts.queued > 0
        ? [{ kind: 'pause', reason: 'plan-expired', stage: index }]
        : []
  }
}
