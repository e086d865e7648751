import { Refusal } from '../refusal.js'
import { failuresOf } from './counts.js'
import { judgeGate } from './gate.js'
import {
  pause,
  record,
  rollBack,
  unchanged,
  type CommandEvent,
  type Rollout,
  type RolloutState,
  type Step,
} from './rollout-state.js'

/**
 * What a person asks of a rollout.
 * @throws Refusal `STATE` where it makes no sense, `CONFLICT` where the engine would only stop again.
 */
export function command(rollout: Rollout, event: CommandEvent, now: number): Step {
  switch (event.kind) {
    case 'start':
      requireState(rollout, ['planned'])
      requireTime(rollout, now)
      return { rollout: { ...rollout, state: 'running' }, effects: [record('rollout.started')] }
    case 'pause':
      requireState(rollout, ['running', 'paused'])
      return rollout.state === 'running' ? pause(rollout, 'by-person') : unchanged(rollout)
    case 'resume':
      return resume(rollout, now)
    case 'cancel':
      requireState(rollout, ['planned', 'running', 'paused'])
      return {
        rollout: { ...rollout, state: 'cancelled', pauseReason: null, pauseCode: null },
        effects: [{ kind: 'take-back', begun: 'cancelled' }, record('rollout.cancelled')],
      }
    case 'roll-back':
      requireState(rollout, ['running', 'paused', 'finished'])
      requireTime(rollout, now)
      if (!rollout.hasFallback) throw conflict('no fallback was approved with it')
      return rollBack(rollout, 'by-person')
  }
}

/** Failures until now are accepted: limits count from here. A missed gate is not waived, and a soak begins anew. */
function resume(rollout: Rollout, now: number): Step {
  requireState(rollout, ['paused'])
  requireTime(rollout, now)
  const open = rollout.stages.findIndex((stage) => stage.state === 'open')
  const stage = rollout.stages[open]
  if (stage !== undefined && stage.filledAt !== null && judgeGate(stage.gate, stage.counts) === 'missed')
    throw conflict('the gate of the open stage can no longer hold; roll it back, or cancel it and make another')
  const stages = rollout.stages.map((each) => ({
    ...each,
    acceptedFailures: failuresOf(each.counts),
    heldSince: each.state === 'open' ? null : each.heldSince,
  }))
  return {
    rollout: { ...rollout, state: 'running', pauseReason: null, pauseCode: null, stages },
    effects: [{ kind: 'forgive-silence' }, record('rollout.resumed')],
  }
}

function requireState(rollout: Rollout, wanted: readonly RolloutState[]): void {
  if (!wanted.includes(rollout.state))
    throw new Refusal('STATE', { what: 'rollout', state: rollout.state, wanted: wanted.join(' or ') })
}

function requireTime(rollout: Rollout, now: number): void {
  if (now >= rollout.expires) throw conflict('the approved plan has ended')
}

const conflict = (why: string): Refusal => new Refusal('CONFLICT', { what: 'rollout', why })
