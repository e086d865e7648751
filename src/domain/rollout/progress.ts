import { activeOf, addCounts, doneOf, failuresOf, judgedOf, totalOf } from './counts.js'
import { isLimitPassed, judgeGate, neededOf } from './gate.js'
import {
  pause,
  record,
  rollBack,
  unchanged,
  withStage,
  type PauseReason,
  type Rollout,
  type RolloutEvent,
  type Stage,
  type Step,
} from './rollout-state.js'
import { reachOf } from './stage.js'

/** The last stage, while it is open, looks so often for devices that have become members. */
const REFILL_SECONDS = 60

/** The next step of a running rollout; none when it has to wait. */
export function tick(rollout: Rollout, releaseRefusal: string | null, now: number): Step {
  if (releaseRefusal !== null) return pause(rollout, 'release-refused', releaseRefusal)
  const opened = rollout.stages.filter((stage) => stage.state !== 'waiting')
  if (isLimitPassed(rollout.failureLimit, opened)) return fail(rollout, 'failure-limit', now)
  const current = rollout.stages.findIndex((stage) => stage.state === 'open')
  const stage = rollout.stages[current]
  if (stage?.filledAt === null) return fill(rollout, stage, current, now)
  if (stage !== undefined) return judge(rollout, stage, current, now)
  const next = rollout.stages.findIndex((each) => each.state === 'waiting')
  return next === -1 ? windUp(rollout, now) : openNext(rollout, next, now)
}

function openNext(rollout: Rollout, stage: number, now: number): Step {
  if (now >= rollout.expires) return pause(rollout, 'plan-expired')
  return now < rollout.notBefore ? unchanged(rollout) : { rollout, effects: [{ kind: 'measure-stage', stage }] }
}

/** The stage opens, or, when it is open already, looks again how many devices it may have. */
export function measured(rollout: Rollout, event: RolloutEvent & { kind: 'stage-measured' }, now: number): Step {
  const stage = rollout.stages[event.stage]
  if (stage === undefined || stage.state === 'passed') return unchanged(rollout)
  const had = totalOf(stage.counts)
  const wanted = Math.max(had, reachOf(stage.reach, event.members) - event.placed)
  const filledAt = wanted > had ? null : now
  if (stage.state === 'open') return { rollout: withStage(rollout, event.stage, { wanted, filledAt }), effects: [] }
  if (now >= rollout.expires || !isNext(rollout, event.stage)) return unchanged(rollout)
  const opened = withStage(rollout, event.stage, { state: 'open', wanted, filledAt, heldSince: null })
  return { rollout: opened, effects: [record('rollout.stage-opened', { stage: event.stage, devices: wanted })] }
}

/** No gate is skipped: every stage before it is passed. */
const isNext = (rollout: Rollout, index: number): boolean =>
  rollout.stages.slice(0, index).every((stage) => stage.state === 'passed')

function fill(rollout: Rollout, stage: Stage, index: number, now: number): Step {
  if (now >= rollout.expires) return pause(rollout, 'plan-expired')
  const devices = (stage.wanted ?? 0) - totalOf(stage.counts)
  if (devices <= 0) return stageFilled(rollout, index, now)
  return { rollout, effects: [{ kind: 'fill-stage', stage: index, devices }] }
}

export function stageFilled(rollout: Rollout, index: number, now: number): Step {
  const stage = rollout.stages[index]
  if (stage?.state !== 'open' || stage.filledAt !== null) return unchanged(rollout)
  return { rollout: withStage(rollout, index, { filledAt: now }), effects: [] }
}

function judge(rollout: Rollout, stage: Stage, index: number, now: number): Step {
  switch (judgeGate(stage.gate, stage.counts)) {
    case 'missed':
      return fail(rollout, 'gate-missed', now)
    case 'holds':
      return soak(rollout, stage, index, now)
    case 'open':
      return wait(rollout, stage, index, now)
  }
}

/** A gate that held and breaks again, by a device that fell back, begins its soak anew. */
function wait(rollout: Rollout, stage: Stage, index: number, now: number): Step {
  const held = stage.heldSince === null ? rollout : withStage(rollout, index, { heldSince: null })
  // Who is queued after the end of the plan gets no assignment any more.
  if (now >= rollout.expires && stage.counts.queued > 0) return pause(held, 'plan-expired')
  return refill(held, stage, index, now)
}

function soak(rollout: Rollout, stage: Stage, index: number, now: number): Step {
  const heldSince = stage.heldSince ?? now
  if (now - heldSince < stage.soakSeconds)
    return refill(stage.heldSince === null ? withStage(rollout, index, { heldSince }) : rollout, stage, index, now)
  const { counts, gate } = stage
  const needed = neededOf(gate, judgedOf(counts))
  const detail = { stage: index, confirmed: doneOf(counts), needed, failures: failuresOf(counts) }
  const passed = withStage(rollout, index, { state: 'passed', heldSince })
  return { rollout: passed, effects: [record('rollout.stage-passed', detail)] }
}

/** A share of the members grows with them: devices that begin to match join while the last stage is open. */
function refill(rollout: Rollout, stage: Stage, index: number, now: number): Step {
  const isLast = index === rollout.stages.length - 1
  const isDue = stage.filledAt !== null && now - stage.filledAt >= REFILL_SECONDS && now < rollout.expires
  return isLast && isDue ? { rollout, effects: [{ kind: 'measure-stage', stage: index }] } : { rollout, effects: [] }
}

/** Every gate held. What is still under way in passed stages belongs to the result. */
function windUp(rollout: Rollout, now: number): Step {
  const counts = addCounts(rollout.stages.map((stage) => stage.counts))
  const isOver = now >= rollout.expires
  if (isOver && counts.queued > 0) return pause(rollout, 'plan-expired')
  if (activeOf(counts) > 0) return unchanged(rollout)
  return isOver ? finish(rollout) : { rollout, effects: [{ kind: 'seek-latecomers' }] }
}

/** Every stage passed and nothing is under way. */
export const isThrough = (rollout: Rollout): boolean =>
  rollout.stages.every((stage) => stage.state === 'passed' && activeOf(stage.counts) === 0)

export const finish = (rollout: Rollout): Step => ({
  rollout: { ...rollout, state: 'finished' },
  effects: [record('rollout.finished')],
})

/** Rolling back needs a fallback that may still be assigned. */
function fail(rollout: Rollout, reason: PauseReason, now: number): Step {
  const goesBack = rollout.onFailure === 'roll-back' && rollout.hasFallback && now < rollout.expires
  return goesBack ? rollBack(rollout, reason) : pause(rollout, reason)
}
