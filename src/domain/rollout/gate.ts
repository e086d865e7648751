import { activeOf, doneOf, failuresOf, judgedOf, type Counts } from './counts.js'

/** What a stage must show before the next one opens. */
export interface Gate {
  /** Share of the stage that is confirmed, above 0 and up to 100. */
  readonly confirmedPercent: number
}

/**
 * How many failures are borne; one more pauses the rollout. `count` is over the whole rollout, `percent` over each
 * stage. Failures that a person has seen and resumed after no longer count.
 */
export interface FailureLimit {
  readonly count?: number
  readonly percent?: number
}

/** `holds`: enough is confirmed. `missed`: it cannot hold any more. `open`: neither yet. */
export type GateVerdict = 'holds' | 'missed' | 'open'

/** Of so many devices as many as have to be confirmed. */
export const neededOf = (gate: Gate, devices: number): number => Math.ceil((gate.confirmedPercent * devices) / 100)

export function judgeGate(gate: Gate, counts: Counts): GateVerdict {
  const needed = neededOf(gate, judgedOf(counts))
  const done = doneOf(counts)
  if (done >= needed) return 'holds'
  return done + activeOf(counts) < needed ? 'missed' : 'open'
}

/** @param stages counts of the opened stages, each with the failures a person has accepted in it. */
export function isLimitPassed(
  limit: FailureLimit,
  stages: readonly { readonly counts: Counts; readonly acceptedFailures: number }[],
): boolean {
  const fresh = stages.map(({ counts, acceptedFailures }) => Math.max(0, failuresOf(counts) - acceptedFailures))
  const all = fresh.reduce((sum, failures) => sum + failures, 0)
  if (limit.count !== undefined && all > limit.count) return true
  const percent = limit.percent
  if (percent === undefined) return false
  return stages.some(({ counts }, index) => (fresh[index] ?? 0) * 100 > percent * judgedOf(counts))
}
