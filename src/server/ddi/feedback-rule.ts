import type { DeploymentState, Mode, ReportedState } from './ddi-target.js'
import type { Feedback } from './feedback.js'

/** How an action ended. `downloaded`: it was only to be downloaded. */
export type Outcome = 'finished' | 'failed' | 'downloaded' | 'cancelled' | 'abandoned'

/** Words of the action history, as DDI names them. */
export type HistoryStatus =
  | 'RETRIEVED'
  | 'RUNNING'
  | 'SCHEDULED'
  | 'DOWNLOAD'
  | 'DOWNLOADED'
  | 'WARNING'
  | 'FINISHED'
  | 'ERROR'
  | 'CANCELING'
  | 'CANCELED'
  | 'CANCEL_REJECTED'
  | 'WAIT_FOR_CONFIRMATION'

export interface FeedbackMeaning {
  readonly status: HistoryStatus
  /** What it says of the deployment; null for nothing but that the client lives. */
  readonly reported: ReportedState | null
  /** Null while the action goes on. */
  readonly outcome: Outcome | null
}

/** An action as its client was last told of it. */
export interface ToldAction {
  readonly state: DeploymentState
  readonly mode: Mode
  /** The last `deployment.update` that was answered; null before any. */
  readonly toldUpdate: 'forced' | 'attempt' | 'skip' | null
}

const goesOn = (status: HistoryStatus, reported: ReportedState | null = null): FeedbackMeaning => ({
  status,
  reported,
  outcome: null,
})

/** What a feedback on a deployment means. `canceled` and `rejected` are only noted: neither ends an action. */
export function meaningOf({ status }: Feedback, action: ToldAction): FeedbackMeaning {
  switch (status.execution) {
    case 'closed':
      return closedBy(status.result.finished, action)
    case 'downloaded':
      return action.mode === 'download-only'
        ? { status: 'DOWNLOADED', reported: 'downloaded', outcome: 'downloaded' }
        : goesOn('DOWNLOADED', 'downloaded')
    case 'download':
      return goesOn('DOWNLOAD', 'downloading')
    case 'proceeding':
    case 'resumed':
      return goesOn('RUNNING', begunFrom(action.state))
    case 'scheduled':
      return goesOn('SCHEDULED')
    case 'canceled':
    case 'rejected':
      return goesOn('WARNING')
  }
}

/**
 * I-6: success is a word. It makes the deployment `installed`, which counts for nothing until the device says, after its next
 * boot, what it runs. SWUpdate answers `update: skip` with success at once: nothing was installed, and the action stays open.
 */
function closedBy(finished: Feedback['status']['result']['finished'], action: ToldAction): FeedbackMeaning {
  if (finished === 'failure') return { status: 'ERROR', reported: 'failed', outcome: 'failed' }
  if (action.toldUpdate === 'skip') return goesOn('SCHEDULED')
  return { status: 'FINISHED', reported: 'installed', outcome: 'finished' }
}

/** A client that goes on has at least begun; after a whole download it installs. */
function begunFrom(state: DeploymentState): ReportedState | null {
  if (state === 'offered') return 'downloading'
  return state === 'downloaded' ? 'installing' : null
}
