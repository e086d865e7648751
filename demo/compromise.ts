import { setTimeout as sleep } from 'node:timers/promises'
import { Api } from './api.js'
import { signRoot, specifySuccessorRoot } from './ceremony.js'
import { provoke, replayOf } from './device-refusals.js'
import type { Installation } from './installation.js'
import { product } from './product.js'
import type { SignedRelease } from './releases.js'
import type { DemoResult, RefusalRow } from './result.js'
import { startRollout } from './rollouts.js'
import type { Story } from './story.js'
import type { Victim } from './victim.js'

interface KrlRequest {
  readonly number: number
  readonly timesMs: {
    readonly requested: number
    readonly quorum: number
    readonly signed: number
    readonly published: number
  }
}
interface Acknowledgements {
  readonly devices: number
  readonly acknowledged: number
  readonly outstanding: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A release that is signed and assigned, and kept from its device by the liar until later. */
export async function withhold(installation: Installation, victim: Victim, release: SignedRelease): Promise<void> {
  victim.proxy.tell({ answer: ({ freshness, krl, roots, ack }) => pick({ freshness, krl, roots, ack }) })
  await startRollout(installation, {
    release,
    stages: ['100%'],
    devicesTotal: 1,
    deviceIds: [victim.device.id],
  })
  await victim.pollUntil(() => victim.proxy.overheard.at(-1)?.assignment !== undefined)
}

/** Members that are there, as optional members want them. */
const pick = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never

/** Two security officers revoke a key; returns when every device of the fleet has said in a signed report that it knows. */
export async function revoke(
  installation: Installation,
  keyId: string,
  veteran: Victim,
  devices: number,
  story: Story,
): Promise<DemoResult['revocation']> {
  const [first, second] = installation.people.security
  const { id } = await first.run('keys', 'revoke', keyId, '--reason', 'compromise', ...first.signing, '--yes')
  await second.run('keys', 'approve', String(id), ...second.signing, '--yes')
  const api = new Api(installation.url, first)
  const { number, timesMs } = await api.get<KrlRequest>(`/krl-requests/${String(id)}`)
  // It has no connection to the broker: what others are told at once, it learns by its next poll.
  await veteran.device.pollOnce()
  const startedMs = performance.now()
  for (;;) {
    const view = await api.get<Acknowledgements>(`/krl-acknowledgements/${number}`)
    story.progress(view.acknowledged, devices, 'devices acknowledged the KRL')
    if (view.acknowledged >= devices) {
      const { p50Ms, p99Ms, acknowledged } = view
      return {
        quorumMs: timesMs.quorum - timesMs.requested,
        signedMs: timesMs.signed - timesMs.quorum,
        publishedMs: timesMs.published - timesMs.quorum,
        p50Ms,
        p99Ms,
        acknowledged,
      }
    }
    if (performance.now() - startedMs > 60_000)
      throw new Error(`after 60 s only ${view.acknowledged} of ${devices} devices acknowledged KRL ${number}`)
    await sleep(100)
  }
}

/** The withheld release, delivered after the revocation with everything else fresh. */
export async function deliverLate(victim: Victim): Promise<RefusalRow> {
  const withheld = victim.proxy.overheard.findLast((answer) => answer.assignment !== undefined)
  if (withheld === undefined) throw new Error('nothing was withheld')
  return provoke(victim, 'a release of the revoked key, assigned before', 'KEY_REVOKED', replayOf(withheld))
}

/** Root 2 without the revoked key, its successor active now; signed by the same holders. */
export async function replaceManifestKey(installation: Installation, revokedKeyId: string): Promise<void> {
  const now = Math.floor(Date.now() / 1_000)
  const spec = specifySuccessorRoot(installation.rootSpec, revokedKeyId, now)
  const file = await signRoot(installation.folders, product, installation.people, spec, now)
  await installation.people.security[0].run('trust', 'push', '--root', file)
}
