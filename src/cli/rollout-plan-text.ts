import { z } from 'zod'
import { countText, durationText, sizeText, timeText } from './quantity-text.js'

const count = z.number().int().min(0)

export const RolloutPlanAnswer = z.looseObject({
  rolloutId: z.string(),
  devices: z.looseObject({ target: count, reached: count, alreadyOnIt: count, newer: count, noPath: count }),
  legacyClients: z.looseObject({ devices: count, refusal: z.string().nullable() }),
  stages: z.array(z.looseObject({ index: count, devices: count })),
  bytesToMove: z.number().min(0),
  earliestEnd: z.number().nullable(),
  impossible: z.string().nullable(),
  staleTrust: z.looseObject({ behindRoot: count, behindKrl: count, neverReported: count }),
  ways: z.array(z.looseObject({ version: z.string().nullable(), devices: count, via: z.array(z.string()).nullable() })),
})
export type RolloutPlanAnswer = z.infer<typeof RolloutPlanAnswer>

/** Why a plan cannot be carried out, and what to change. */
const reasons: Readonly<Record<string, string>> = {
  'no-members': 'no device is meant: the filter matches none of this class',
  'already-on-it': 'every device that is meant runs this release already',
  'newer-on-all': 'every device that is meant runs something newer, and would refuse it',
  'no-path': 'no device that is meant may take this release: see the ways below',
  'window-never-opens': 'the windows never open for some device before the plan ends: widen them, or the plan',
  'plan-ends-first': 'at this pace it is not over before the plan ends: a later --expires, or a faster pace',
  'more-devices-than-signed': 'it reaches more devices than --devices-total lets it: raise that, or reach fewer',
  'release-refused': 'devices would refuse this release today: withdrawn, expired, or its key was revoked',
}

/** What a rollout would do if it started now, for people. */
export function describeRolloutPlan(plan: RolloutPlanAnswer, now: number): string[] {
  const { devices, impossible, earliestEnd } = plan
  return [
    `plan of rollout ${plan.rolloutId}, if it started now:`,
    impossible === null
      ? '  it can be done'
      : `  IMPOSSIBLE    ${impossible}: ${reasons[impossible] ?? 'the server says so'}`,
    `  devices       ${countText(devices.target)} meant, ${countText(devices.reached)} reached`,
    ...left(devices.alreadyOnIt, 'run it already'),
    ...left(devices.newer, 'run something newer, and would refuse it'),
    ...left(devices.noPath, 'have no way to it as they are'),
    ...waysOf(plan).map(wayLine),
    ...legacyLines(plan.legacyClients),
    ...plan.stages.map((stage) => `  stage ${stage.index + 1}       ${countText(stage.devices)} devices`),
    `  to move       ${sizeText(plan.bytesToMove)}`,
    earliestEnd === null
      ? '  earliest end  never'
      : `  earliest end  ${timeText(earliestEnd)}, ${durationText(earliestEnd - now)} from now, when every device answers at once`,
    ...staleLines(plan.staleTrust),
  ]
}

const left = (devices: number, words: string): string[] =>
  devices === 0 ? [] : [`                ${countText(devices)} ${words}`]

/** What keeps a release from clients that verify nothing of ours, and what to change. */
const legacyReasons: Readonly<Record<string, string>> = {
  LEGACY_CLIENT_REFUSED: 'the policy does not name them for this class (member 10)',
  BUNDLE_UNVERIFIED:
    'no registered key has signed their bundle (`countersign firmware show`), and the policy does not waive it',
}

function legacyLines({ devices, refusal }: RolloutPlanAnswer['legacyClients']): string[] {
  if (refusal === null) return []
  const why = legacyReasons[refusal] ?? 'the server says so'
  return left(devices, `that may have it speak DDI, and will not get it, ${refusal}: ${why}`)
}

/** Several releases may carry one version. */
function waysOf({ ways }: RolloutPlanAnswer): RolloutPlanAnswer['ways'] {
  const joined = new Map<string, RolloutPlanAnswer['ways'][number]>()
  for (const way of ways) {
    const name = JSON.stringify([way.version, way.via])
    joined.set(name, { ...way, devices: way.devices + (joined.get(name)?.devices ?? 0) })
  }
  return [...joined.values()]
}

function wayLine({ version, devices, via }: RolloutPlanAnswer['ways'][number]): string {
  const from = version === null ? 'nothing of ours' : version
  const way = via === null ? 'no release leads from there to it' : `first ${via.join(', then ')}`
  return `                ${countText(devices)} on ${from}: ${way}`
}

const staleLines = ({ behindRoot, behindKrl, neverReported }: RolloutPlanAnswer['staleTrust']): string[] => [
  ...left(behindRoot, 'hold an older root, and catch up at their next contact'),
  ...left(behindKrl, 'hold an older revocation list, and catch up at their next contact'),
  ...left(neverReported, 'never said what they run'),
]
