import { equalBytes, fromHex, sha256, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import type { Manifest } from '../domain/suit/manifest.js'
import { checkEnvelope } from '../domain/trust/check-envelope.js'
import { parseRolloutPlan, type RolloutPlan } from '../domain/trust/rollout-plan.js'
import { bytesOf, type ReleaseAnswer, type RolloutAnswer } from './api-answers.js'
import { countText, durationText, fingerprintText, timeText } from './quantity-text.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

/** A pace that a fleet manager can judge: read from the plan's own bytes. */
export interface CheckedPlan {
  readonly plan: RolloutPlan
  readonly planSha256: Uint8Array
  /** One for each digest of the plan: the release, then perhaps its fallback. */
  readonly manifests: readonly Manifest[]
}

const mismatch = (field: string): Refusal => new Refusal('PLAN_MISMATCH', { field })

/**
 * Holds a rollout against its plan's bytes, and each digest of the plan against a signed envelope.
 * @param releases the release the page names, then its fallback when it names one.
 * @throws Refusal `PLAN_MISMATCH` naming the field, `WRONG_NAMESPACE`, `PACE_EXCEEDED`, `PLAN_NOT_ACTIVE`, or that of the envelope.
 */
export function checkPlan(
  held: HeldTrust,
  page: RolloutAnswer,
  releases: readonly ReleaseAnswer[],
  now: number,
): CheckedPlan {
  const bytes = bytesOf(page.plan)
  const digest = sha256(bytes)
  if (!equalBytes(digest, fromHex(page.planSha256))) throw mismatch('planSha256')
  const plan = parseRolloutPlan(bytes)
  const { namespace } = held.state.root
  if (plan.namespace !== namespace) throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: plan.namespace })
  if (plan.rolloutId !== page.id) throw mismatch('rolloutId')
  requirePace(held, page, plan)
  if (now >= plan.expires)
    throw new Refusal('PLAN_NOT_ACTIVE', { notBefore: plan.notBefore, expires: plan.expires, now })
  if (plan.manifests.length !== releases.length) throw mismatch('manifests')
  const manifests = releases.map((release, index) => requireRelease(held, release, plan.manifests[index], now))
  return { plan, planSha256: digest, manifests }
}

function requirePace(held: HeldTrust, page: RolloutAnswer, plan: RolloutPlan): void {
  for (const field of ['devicesPerHour', 'devicesTotal'] as const) {
    const shown = page[field]
    if (shown !== undefined && shown !== plan[field]) throw mismatch(field)
  }
  const limit = requirePolicy(held).limits.devicesPerHour
  if (limit !== undefined && plan.devicesPerHour > limit)
    throw new Refusal('PACE_EXCEEDED', { limit, what: 'devices per hour' })
}

function requireRelease(
  held: HeldTrust,
  release: ReleaseAnswer,
  planned: Uint8Array | undefined,
  now: number,
): Manifest {
  if (planned === undefined || release.manifestSha256 !== toHex(planned)) throw mismatch('manifests')
  const envelope = release.envelope ?? null
  if (envelope === null)
    throw new Refusal('STATE', { what: `release ${release.id}`, state: release.state, wanted: 'signed' })
  const checked = checkEnvelope(held.state, bytesOf(envelope), planned, now, nativeAlgorithms)
  if (checked.manifest.version !== release.version) throw mismatch('version')
  return checked.manifest
}

/** The pace in words, for the person who signs it. */
export function describePlan(checked: CheckedPlan): string[] {
  const { plan, manifests } = checked
  const hours = plan.devicesTotal / Math.max(1, plan.devicesPerHour)
  return [
    `namespace     ${plan.namespace}`,
    `rollout       ${plan.rolloutId}`,
    ...plan.manifests.map((digest, index) => {
      const manifest = manifests[index]
      const name = index === 0 ? 'release ' : 'fallback'
      return `${name}      ${manifest?.version ?? ''}, sequence ${manifest?.sequence ?? ''}, SUIT digest ${fingerprintText(toHex(digest))}`
    }),
    `pace          at most ${countText(plan.devicesPerHour)} devices an hour, ${countText(plan.devicesTotal)} in all`,
    `              at that pace the last device gets it after ${durationText(hours * 3_600)} at the earliest`,
    `from          ${timeText(plan.notBefore)}`,
    `until         ${timeText(plan.expires)}`,
    `plan sha256   ${fingerprintText(toHex(checked.planSha256))}`,
  ]
}
