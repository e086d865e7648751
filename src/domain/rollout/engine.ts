import { command } from './command.js'
import { finish, isThrough, measured, stageFilled, tick } from './progress.js'
import {
  commands,
  pause,
  unchanged,
  type CommandEvent,
  type Rollout,
  type RolloutEvent,
  type Step,
} from './rollout-state.js'

/**
 * What becomes of a rollout at an event, and what is to be done about it. Pure; the same event again, after it was taken,
 * changes nothing. At most one stage is open at a time, and only behind stages whose gates held through their soak.
 * @param now seconds since the epoch.
 * @throws Refusal `STATE`, `CONFLICT`, for what a person asks and the rollout cannot do.
 */
export function step(rollout: Rollout, event: RolloutEvent, now: number): Step {
  if (isCommand(event)) return command(rollout, event, now)
  // A rollout that stands still, or has ended, is moved by people alone.
  if (rollout.state !== 'running') return unchanged(rollout)
  switch (event.kind) {
    case 'tick':
      return tick(rollout, event.releaseRefusal, now)
    case 'stage-measured':
      return measured(rollout, event, now)
    case 'stage-filled':
      return stageFilled(rollout, event.stage, now)
    case 'latecomers-sought':
      return event.found === 0 && isThrough(rollout) ? finish(rollout) : unchanged(rollout)
    case 'signer-refused':
      return pause(rollout, 'signer-refused', event.code)
  }
}

const isCommand = (event: RolloutEvent): event is CommandEvent => commands.some((kind) => kind === event.kind)
