import { setTimeout as sleep } from 'node:timers/promises'
import { Api } from './api.js'
import type { Access } from './installation.js'
import type { SignedRelease } from './releases.js'
import type { Story } from './story.js'

export interface RolloutWish {
  readonly release: SignedRelease
  /** Such as "3" or "100%". */
  readonly stages: readonly string[]
  readonly devicesTotal: number
  readonly gate?: string
  readonly failureLimit?: string
  /** Only these devices; all of the class when absent. */
  readonly deviceIds?: readonly string[]
}

type Counts = Readonly<Record<string, number>>
interface RolloutView {
  readonly id: string
  readonly state: string
  readonly pauseReason: string | null
  readonly plan: string
  readonly approvals: readonly { readonly approval: string }[]
  readonly stages: readonly { readonly state: string; readonly counts: Counts }[]
}

/** States a deployment does not leave. */
const ended = ['confirmed', 'installed', 'failed', 'reverted', 'refused', 'timedOut', 'cancelled', 'superseded']

/** A fleet manager plans a rollout and signs its pace. @returns its id. */
async function planRollout(installation: Access, wish: RolloutWish): Promise<string> {
  const { fleet } = installation.people
  const created = await fleet.run(
    ...['rollout', 'create', '--release', wish.release.id],
    ...wish.stages.flatMap((stage) => ['--stage', stage]),
    ...['--gate', wish.gate ?? '60%', '--failure-limit', wish.failureLimit ?? '2'],
    ...['--devices-per-hour', '100000', '--devices-total', String(wish.devicesTotal)],
    ...(wish.deviceIds ?? []).flatMap((id) => ['--device', id]),
  )
  const id = String(created['id'])
  await fleet.run('rollout', 'approve', id, ...fleet.signing, '--yes')
  return id
}

export const viewRollout = (installation: Access, id: string): Promise<RolloutView> =>
  new Api(installation.url, installation.people.fleet).get<RolloutView>(`/rollouts/${id}`)

export async function startRollout(installation: Access, wish: RolloutWish): Promise<string> {
  const id = await planRollout(installation, wish)
  await installation.people.fleet.run('rollout', 'start', id)
  return id
}

function countStates(view: RolloutView): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { counts } of view.stages)
    for (const [state, count] of Object.entries(counts)) sums.set(state, (sums.get(state) ?? 0) + count)
  return sums
}

/** Follows a rollout until every one of its devices is accounted for, telling when a stage opens. */
export async function followRollout(
  installation: Access,
  id: string,
  devices: number,
  story: Story,
  limitSeconds = 120,
): Promise<Map<string, number>> {
  const startedMs = performance.now()
  let told = -1
  for (;;) {
    const view = await viewRollout(installation, id)
    const counts = countStates(view)
    const done = ended.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0)
    const opened = view.stages.filter((stage) => stage.state !== 'waiting').length - 1
    if (opened > told) story.tell(`stage ${opened + 1} of ${view.stages.length} is open`)
    told = Math.max(told, opened)
    story.progress(done, devices, 'devices accounted for')
    if (done === devices && (view.state === 'finished' || view.state === 'running')) return counts
    if (view.state === 'paused' || view.state === 'cancelled')
      throw new Error(`rollout is ${view.state}: ${view.pauseReason ?? ''}`)
    if (performance.now() - startedMs > limitSeconds * 1_000)
      throw new Error(`after ${limitSeconds} s only ${done} of ${devices} devices are accounted for`)
    await sleep(250)
  }
}
