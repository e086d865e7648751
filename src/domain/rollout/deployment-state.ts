/**
 * One release on one device. The last seven are terminal: nothing leaves them. `installed` is the word of a client that cannot
 * prove more: it counts for nothing until the device says, after booting it, what it runs (I-6).
 */
export const deploymentStates = [
  'queued',
  'offered',
  'downloading',
  'downloaded',
  'installing',
  'installed',
  'rebooting',
  'confirmed',
  'failed',
  'reverted',
  'refused',
  'timedOut',
  'cancelled',
  'superseded',
] as const
export type DeploymentState = (typeof deploymentStates)[number]

/** States in which a device may still act on the release. At most one deployment of a device is in one of them. */
export const activeStates = [
  'queued',
  'offered',
  'downloading',
  'downloaded',
  'installing',
  'installed',
  'rebooting',
] as const

/** States that count against the failure limit of a rollout. */
export const failureStates = ['failed', 'reverted', 'refused', 'timedOut'] as const

const isOneOf = (states: readonly DeploymentState[]) => {
  const known = new Set(states)
  return (state: DeploymentState): boolean => known.has(state)
}
export const isActive = isOneOf(activeStates)
export const isTerminal = (state: DeploymentState): boolean => !isActive(state)

/** Words that a device reports about itself (docs/formats/report.md); `installed` only comes from clients that sign nothing. */
export type ReportedState =
  | 'idle'
  | 'downloading'
  | 'downloaded'
  | 'installing'
  | 'installed'
  | 'rebooting'
  | 'confirmed'
  | 'failed'
  | 'reverted'
  | 'refused'

/** What can happen to a deployment. */
export type DeploymentEvent =
  | { readonly kind: 'offer' }
  /** A verified report; `runsRelease`: the running manifest it names is the one of this deployment. */
  | { readonly kind: 'report'; readonly state: ReportedState; readonly runsRelease: boolean }
  | { readonly kind: 'time-out' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'supersede' }

/**
 * @returns the state after `event`, or null when it changes nothing: the deployment is over, or the event says nothing
 *   new about it. Reports of one device come in the order of its counter, so an earlier word after a later one is a
 *   device that began again, not a late message.
 */
export function nextDeploymentState(state: DeploymentState, event: DeploymentEvent): DeploymentState | null {
  if (isTerminal(state)) return null
  switch (event.kind) {
    case 'offer':
      return state === 'queued' ? 'offered' : null
    case 'time-out':
      // Nobody has asked anything of a device that is still queued.
      return state === 'queued' ? null : 'timedOut'
    case 'cancel':
      return 'cancelled'
    case 'supersede':
      return 'superseded'
    case 'report':
      return afterReport(state, event.state, event.runsRelease)
  }
}

/** I-6: a word alone confirms nothing; the device has to run what it was given. */
function afterReport(state: DeploymentState, reported: ReportedState, runsRelease: boolean): DeploymentState | null {
  if (reported === 'confirmed' && runsRelease) return 'confirmed'
  // Not yet offered: what the device says is about something else.
  if (state === 'queued' || reported === 'idle') return null
  if (reported === 'confirmed') return 'reverted'
  return reported === state ? null : reported
}
