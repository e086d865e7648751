import { setTimeout as sleep } from 'node:timers/promises'
import { Api } from '../api.js'
import type { Story } from '../story.js'
import { signKrl, type Rehearsal } from './rehearsal.js'

const LIMIT_MS = 60_000

/** From the decision to the last device, milliseconds after the decision (docs/trust.md §7). */
export interface DrillTimes {
  /** t0, the decision: milliseconds since the epoch. */
  readonly decidedMs: number
  /** t1, the quorum is complete. */
  readonly quorumMs: number
  /** t2, the KRL is signed. */
  readonly signedMs: number
  /** t3, it is published: for everybody who asks, and told to devices that listen. */
  readonly publishedMs: number
  /** t4, devices say in signed reports that they have it. */
  readonly devices: number
  readonly halfMs: number
  readonly lastMs: number
}

interface KrlRequest {
  readonly number: number
  readonly timesMs: { readonly quorum: number; readonly signed: number; readonly published: number }
}
interface Acknowledgements {
  readonly acknowledged: number
  readonly p50Ms: number
  readonly lastMs: number
}

/** A manifest key is said to be stolen; its revocation is followed until every device has confirmed it. */
export async function rehearse(
  { installation, approvers, stolenKeyId }: Rehearsal,
  devices: number,
  story: Story,
): Promise<DrillTimes> {
  const [first, ...others] = approvers.map(({ standIn }) => standIn)
  if (first === undefined) throw new Error('a quorum of nobody')
  const decidedMs = Date.now()
  const id = await signKrl(first, others, ['revoke', stolenKeyId, '--reason', 'compromise'])
  const api = new Api(installation.url, first, installation.product.namespace)
  const { number, timesMs } = await api.get<KrlRequest>(`/krl-requests/${id}`)
  const { p50Ms, lastMs } = await acknowledged(api, number, devices, story)
  const after = (ms: number): number => ms - decidedMs
  const publishedMs = after(timesMs.published)
  return {
    decidedMs,
    quorumMs: after(timesMs.quorum),
    signedMs: after(timesMs.signed),
    publishedMs,
    devices,
    halfMs: publishedMs + p50Ms,
    lastMs: publishedMs + lastMs,
  }
}

async function acknowledged(api: Api, number: number, devices: number, story: Story): Promise<Acknowledgements> {
  const startedMs = performance.now()
  for (;;) {
    const view = await api.get<Acknowledgements>(`/krl-acknowledgements/${number}`)
    story.progress(view.acknowledged, devices, 'devices have the revocation list')
    if (view.acknowledged >= devices) return view
    if (performance.now() - startedMs > LIMIT_MS)
      throw new Error(`after ${LIMIT_MS / 1_000} s only ${view.acknowledged} of ${devices} devices have it`)
    await sleep(50)
  }
}
