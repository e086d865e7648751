import {
  activeStates,
  deploymentStates,
  failureStates,
  inFlightStates,
  type DeploymentState,
} from './deployment-state.js'

/** Deployments of one stage, or of a whole rollout, by state. */
export type Counts = Readonly<Record<DeploymentState, number>>

const zero = Object.fromEntries(deploymentStates.map((state) => [state, 0])) as Record<DeploymentState, number>

/** All states, those that are not named with 0. */
export const countsOf = (known: Partial<Counts> = {}): Counts => ({ ...zero, ...known })

export const addCounts = (all: readonly Counts[]): Counts =>
  countsOf(
    Object.fromEntries(deploymentStates.map((state) => [state, all.reduce((sum, counts) => sum + counts[state], 0)])),
  )

const sumOver =
  (states: readonly DeploymentState[]) =>
  (counts: Counts): number =>
    states.reduce((sum, state) => sum + counts[state], 0)

export const totalOf = sumOver(deploymentStates)
export const activeOf = sumOver(activeStates)
export const inFlightOf = sumOver(inFlightStates)
export const failuresOf = sumOver(failureStates)

/** What a rollout is for: the release is booted and confirmed, or, where it was only to be downloaded, stored. */
export const doneOf = sumOver(['confirmed', 'stored'])

/** Deployments that still can decide a gate: one that was withdrawn from the device says nothing about the release. */
export const judgedOf = (counts: Counts): number => totalOf(counts) - counts.cancelled - counts.superseded
