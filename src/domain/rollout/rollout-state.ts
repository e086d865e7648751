import type { Counts } from './counts.js'
import type { FailureLimit, Gate } from './gate.js'
import type { StageReach } from './stage.js'

export type RolloutState = 'planned' | 'running' | 'paused' | 'finished' | 'cancelled' | 'rolledBack'
export type StageState = 'waiting' | 'open' | 'passed'

/** Why a rollout stands still. The engine gives the first four, the signer the fifth, a person the last. */
export type PauseReason =
  'failure-limit' | 'gate-missed' | 'plan-expired' | 'release-refused' | 'signer-refused' | 'by-person'

/** What happens when failures pass the limit or a gate cannot hold any more. */
export const failureAnswers = ['pause', 'roll-back'] as const
export type OnFailure = (typeof failureAnswers)[number]

/** One rollout as the engine keeps it. Times are seconds since the epoch. */
export interface Rollout {
  readonly state: RolloutState
  readonly pauseReason: PauseReason | null
  /** The refusal behind the pause, where there is one. */
  readonly pauseCode: string | null
  /** From the approved plan: nothing is opened or offered outside. */
  readonly notBefore: number
  readonly expires: number
  readonly failureLimit: FailureLimit
  readonly onFailure: OnFailure
  /** Whether a signed fallback was approved with the release. */
  readonly hasFallback: boolean
  /** In order; at most one is open, those before it are passed, those behind it waiting. */
  readonly stages: readonly Stage[]
}

export interface Stage {
  readonly state: StageState
  readonly reach: StageReach
  readonly gate: Gate
  /** How long the gate has to hold before the next stage opens. */
  readonly soakSeconds: number
  /** Devices it is to have, fixed when it opens; null before. */
  readonly wanted: number | null
  /** Since when it has them, or there were no more to be had; null while devices are still being queued. */
  readonly filledAt: number | null
  /** Since when its gate holds without a break. */
  readonly heldSince: number | null
  /** Failures that a person has seen and resumed after. */
  readonly acceptedFailures: number
  readonly counts: Counts
}

/** What a person can ask of a rollout. */
export const commands = ['start', 'pause', 'resume', 'cancel', 'roll-back'] as const
export interface CommandEvent {
  readonly kind: (typeof commands)[number]
}

export type RolloutEvent =
  /** Time has passed, or counts have changed. `releaseRefusal`: why a device would refuse the release now (I-2), or null. */
  | { readonly kind: 'tick'; readonly releaseRefusal: string | null }
  /** Devices that the stage is about, and how many of them stages before it have already. */
  | { readonly kind: 'stage-measured'; readonly stage: number; readonly members: number; readonly placed: number }
  /** It has all the devices it wanted, or there is no other one. */
  | { readonly kind: 'stage-filled'; readonly stage: number }
  /** How many devices became members, or free, after the last stage was filled, and are queued now. */
  | { readonly kind: 'latecomers-sought'; readonly found: number }
  | { readonly kind: 'signer-refused'; readonly code: string }
  | CommandEvent

/** What is to be done outside. Each is safe to repeat. */
export type RolloutEffect =
  | { readonly kind: 'measure-stage'; readonly stage: number }
  | { readonly kind: 'fill-stage'; readonly stage: number; readonly devices: number }
  | { readonly kind: 'seek-latecomers' }
  /** Ends what is under way; `begun`: how deployments end that a device has begun with. */
  | { readonly kind: 'take-back'; readonly begun: 'cancelled' | 'superseded' }
  /** Silence until now is not the devices'. */
  | { readonly kind: 'forgive-silence' }
  | { readonly kind: 'start-fallback' }
  /** An entry for the audit trail. */
  | { readonly kind: 'record'; readonly event: string; readonly detail: Readonly<Record<string, string | number>> }

export interface Step {
  readonly rollout: Rollout
  readonly effects: readonly RolloutEffect[]
}

export const unchanged = (rollout: Rollout): Step => ({ rollout, effects: [] })

export const record = (event: string, detail: Readonly<Record<string, string | number>> = {}): RolloutEffect => ({
  kind: 'record',
  event,
  detail,
})

export const withStage = (rollout: Rollout, index: number, change: Partial<Stage>): Rollout => ({
  ...rollout,
  stages: rollout.stages.map((stage, at) => (at === index ? { ...stage, ...change } : stage)),
})

export const pause = (rollout: Rollout, reason: PauseReason, code: string | null = null): Step => ({
  rollout: { ...rollout, state: 'paused', pauseReason: reason, pauseCode: code },
  effects: [record('rollout.paused', { reason, ...(code === null ? {} : { code }) })],
})

/** Rolling back is rolling forward: what is under way is taken back, and the signed fallback sets out. */
export const rollBack = (rollout: Rollout, reason: PauseReason): Step => ({
  rollout: { ...rollout, state: 'rolledBack', pauseReason: null, pauseCode: null },
  effects: [
    { kind: 'take-back', begun: 'superseded' },
    { kind: 'start-fallback' },
    record('rollout.rolled-back', { reason }),
  ],
})
