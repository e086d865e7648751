/**
 * One release on one device. From `confirmed` on it has ended: the device is free, and its place in flight too.
 * `installed` is the word of a client that cannot prove more: it counts for nothing until the device says, after booting it,
 * what it runs (I-6). `stored` ends a deployment that was only to be downloaded: the image lies on the device.
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
  'stored',
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

/** Offered and not at an end: what rates, budgets and the silence of devices are about. */
export const inFlightStates = ['offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting'] as const

/** The device has begun: another rollout does not take it away any more. */
export const begunStates = ['downloading', 'downloaded', 'installing', 'installed', 'rebooting'] as const

/** States that count against the failure limit of a rollout. */
export const failureStates = ['failed', 'reverted', 'refused', 'timedOut'] as const

const isOneOf = (states: readonly DeploymentState[]) => {
  const known = new Set(states)
  return (state: DeploymentState): boolean => known.has(state)
}
export const isActive = isOneOf(activeStates)
export const isInFlight = isOneOf(inFlightStates)
export const hasBegun = isOneOf(begunStates)
export const isFailure = isOneOf(failureStates)
export const hasEnded = (state: DeploymentState): boolean => !isActive(state)

/**
 * `forced`: the device updates at once. `soft`: it may ask a person first. `download-only`: it stores the image, and a
 * later rollout has it installed.
 */
export const modes = ['forced', 'soft', 'download-only'] as const
export type Mode = (typeof modes)[number]

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

/** What a device runs by its own word: this release, something older or newer; `unknown` when the word does not say. */
export type Running = 'release' | 'older' | 'newer' | 'unknown'
