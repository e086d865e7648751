import {
  hasBegun,
  hasEnded,
  isFailure,
  type DeploymentState,
  type Mode,
  type ReportedState,
  type Running,
} from './deployment-state.js'

/** What a rollout says about each of its deployments. */
export interface DeploymentRules {
  readonly mode: Mode
  /** Further attempts after one that failed or timed out. */
  readonly retries: number
  /** Before the first further attempt; doubled for each one after it. */
  readonly retryAfterSeconds: number
}

export interface Deployment {
  readonly state: DeploymentState
  /** From 1. */
  readonly attempt: number
  /** A queued one is not offered before. Seconds since the epoch. */
  readonly dueAt: number
}

/** What can happen to a deployment. */
export type DeploymentEvent =
  | { readonly kind: 'offer' }
  /** A verified report, newer than all before it. */
  | { readonly kind: 'report'; readonly state: ReportedState; readonly running: Running }
  /** Nothing was heard of it for too long. */
  | { readonly kind: 'time-out' }
  | { readonly kind: 'cancel' }
  /** Another rollout takes the device over. */
  | { readonly kind: 'supersede' }
  /** The device that was taken over is free again, and the release is still news for it. */
  | { readonly kind: 'requeue' }

/** Longest wait between two attempts. */
const MAX_RETRY_SECONDS = 7 * 86_400

/**
 * @returns the deployment after `event`, or null when it changes nothing: it is over, or the event says nothing new about
 *   it. Reports of one device come in the order of its counter, so an earlier word after a later one is a device that began
 *   again, not a late message.
 */
export function nextDeployment(
  deployment: Deployment,
  event: DeploymentEvent,
  rules: DeploymentRules,
  now: number,
): Deployment | null {
  const state = nextState(deployment, event, rules.mode)
  if (state === null) return null
  const { attempt } = deployment
  // What a device refuses or reverts it would refuse or revert again.
  if ((state === 'failed' || state === 'timedOut') && attempt <= rules.retries) {
    const wait = Math.min(MAX_RETRY_SECONDS, rules.retryAfterSeconds * 2 ** (attempt - 1))
    return { state: 'queued', attempt: attempt + 1, dueAt: now + wait }
  }
  return { state, attempt, dueAt: state === 'queued' ? now : deployment.dueAt }
}

function nextState({ state, attempt }: Deployment, event: DeploymentEvent, mode: Mode): DeploymentState | null {
  if (hasEnded(state)) return afterEnd(state, event)
  switch (event.kind) {
    case 'offer':
      return state === 'queued' ? 'offered' : null
    case 'time-out':
      // Nobody has asked anything of a device that is still queued.
      return state === 'queued' ? null : 'timedOut'
    case 'cancel':
      return 'cancelled'
    case 'supersede':
      return hasBegun(state) ? null : 'superseded'
    case 'requeue':
      return null
    case 'report':
      return afterReport(state, event.state, event.running, mode, attempt > 1)
  }
}

/**
 * An end is for good, but for three: a device that we gave up on confirmed after all; one that had confirmed is found to run
 * the older image again (I-6); one that was taken over came free.
 */
function afterEnd(state: DeploymentState, event: DeploymentEvent): DeploymentState | null {
  if (state === 'superseded') return event.kind === 'requeue' ? 'queued' : null
  if (event.kind !== 'report') return null
  if (state === 'confirmed') return event.running === 'older' ? 'reverted' : null
  const isConfirmation = event.state === 'confirmed' && event.running === 'release'
  return state === 'timedOut' && isConfirmation ? 'confirmed' : null
}

/** I-6: a word alone confirms nothing; the device has to run what it was given. */
function afterReport(
  state: DeploymentState,
  reported: ReportedState,
  running: Running,
  mode: Mode,
  isRetry: boolean,
): DeploymentState | null {
  if (reported === 'confirmed' && running === 'release') return 'confirmed'
  // It runs something newer already, and would refuse to go back.
  if (running === 'newer' && !hasBegun(state)) return 'superseded'
  return reported === 'idle' ? null : afterWord(state, reported, running, mode, isRetry)
}

function afterWord(
  state: DeploymentState,
  reported: Exclude<ReportedState, 'idle'>,
  running: Running,
  mode: Mode,
  isRetry: boolean,
): DeploymentState | null {
  const word = reported === 'confirmed' ? withoutBoot(running) : reported
  // Not offered, or not again: only how the attempt before it ended is news.
  if (state === 'queued') return isRetry && isFailure(word) ? word : null
  if (word === 'downloaded' && mode === 'download-only') return 'stored'
  return word === state ? null : word
}

/** Said done, and runs something else: what it had, or what another rollout gave it. */
const withoutBoot = (running: Running): DeploymentState => (running === 'newer' ? 'superseded' : 'reverted')

/** Who wants a device. The higher priority goes first; among equals the newer release. */
export interface Claim {
  readonly priority: number
  readonly sequence: number
}

/** Whether a rollout takes a device over from the one that holds it. One that has begun is never taken away. */
export function takesOver(challenger: Claim, holder: Claim & { readonly state: DeploymentState }): boolean {
  if (hasBegun(holder.state)) return false
  if (challenger.priority !== holder.priority) return challenger.priority > holder.priority
  return challenger.sequence > holder.sequence
}
