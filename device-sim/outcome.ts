import type { RefusalCode } from '../src/domain/refusal.js'
import { reasonOf } from '../src/domain/trust/report-reason.js'
import type { ReportState } from '../src/domain/trust/report.js'
import type { Session, Why } from './device.js'
import type { Statement } from './report-desk.js'

/** How a poll ended, in the words of reports. */
export interface Outcome {
  readonly state: ReportState | 'unreachable'
  /** Of the manifest that runs; 0 for the firmware from the factory. */
  readonly sequence: number
  readonly code?: RefusalCode
  /** The step of trust.md §5 that refused. */
  readonly step?: number
  /** As in the report. */
  readonly reason?: number
  readonly detail?: object
  readonly rolloutId?: string
  /** A newer KRL is overdue: nothing is refused for it, somebody should look. */
  readonly isKrlLate?: true
}

/** @param told a report, or where the device's session came to rest. */
export function outcomeOf(told: Statement | Session, sequence: number): Outcome {
  const state = 'state' in told ? told.state : wordOf(told.phase)
  const why = 'why' in told ? told.why : null
  const rolloutId = rolloutOf(told)
  return { state, sequence, ...(why === null ? {} : reasonsOf(why)), ...(rolloutId === null ? {} : { rolloutId }) }
}

function wordOf(phase: Session['phase']): Outcome['state'] {
  if (phase === 'polling') return 'idle'
  return phase === 'waiting' ? 'downloaded' : phase
}

const reasonsOf = ({ code, step, detail }: Why): Pick<Outcome, 'code' | 'step' | 'reason' | 'detail'> => ({
  code,
  step,
  reason: reasonOf(code),
  detail,
})

function rolloutOf(told: Statement | Session): string | null {
  if ('rolloutId' in told) return told.rolloutId
  return 'image' in told ? told.image.rolloutId : null
}
