import type { DeploymentState, ReportedState } from '../../domain/rollout/deployment-state.js'

export type { DeploymentState, ReportedState }

/** How a deployment is to be carried out; DDI says it as `forced`, `attempt` and `skip`. */
export type Mode = 'forced' | 'soft' | 'download-only'

/** The one thing a client is about now: its oldest open action, or a deployment it has not been told of. */
export interface DdiWork {
  /** Null before the client was told. */
  readonly action: number | null
  readonly rolloutId: string
  readonly rolloutState: string
  readonly state: DeploymentState
  readonly manifestSha256: Uint8Array
  /** Seconds since the epoch; null while the online signer has given none. */
  readonly assignmentExpires: number | null
  readonly consent: 'given' | 'denied' | null
  readonly isCancelRejected: boolean
  /** The action is about an attempt that was given up since. */
  readonly isFormer: boolean
}

/** A client as a poll finds it. */
export interface DdiTarget {
  readonly namespace: string
  readonly controllerId: string
  readonly deviceId: string
  readonly classId: Uint8Array
  readonly isConfigAsked: boolean
  /** The last action that ended well. */
  readonly installedAction: number | null
  readonly isAutoConfirming: boolean
  /** From the first override that fits it; null for the namespace's own interval. */
  readonly pollSeconds: number | null
  readonly work: DdiWork | null
}

/** The server ended the deployment, and the client has to be told. */
const endedByUs: ReadonlySet<DeploymentState> = new Set(['cancelled', 'superseded', 'timedOut', 'refused'])

export const isCancelling = (work: Pick<DdiWork, 'state' | 'isCancelRejected' | 'isFormer'>): boolean =>
  (endedByUs.has(work.state) || work.isFormer) && !work.isCancelRejected
