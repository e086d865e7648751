import type { RolloutAnswer, StageAnswer } from './api-answers.js'
import { barText } from './progress-bar.js'
import { timeText } from './quantity-text.js'

const stagesOfFailure = ['failed', 'reverted', 'refused', 'timedOut'] as const
const underWay = ['offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting'] as const

const sumOf = (counts: Readonly<Record<string, number>>, names: readonly string[]): number =>
  names.reduce((sum, name) => sum + (counts[name] ?? 0), 0)

/** What a person can do about a rollout that stands still, by its reason. */
const advice: Readonly<Record<string, string>> = {
  'failure-limit': '"rollout resume" accepts these failures and goes on',
  'gate-missed':
    'too few devices of the open stage can still confirm, so it cannot resume; "rollout cancel", and create one with a lower --gate or without them',
  'plan-expired':
    'what people signed has ended, so it cannot resume; "rollout cancel", and create one with a later --expires',
  'release-refused': 'devices would refuse the release for this code: mend that, then "rollout resume"',
  'signer-refused': 'the online signer refused for this code: mend that, then "rollout resume"',
  'by-person': '"rollout resume" goes on',
}
/** After this nothing is offered any more, not even the fallback. */
const ENDED = 'plan-expired'

function adviceLines({ pauseReason: reason, fallbackReleaseId }: RolloutAnswer): string[] {
  const next = typeof reason === 'string' ? advice[reason] : undefined
  if (next === undefined) return []
  const canGoBack = typeof fallbackReleaseId === 'string' && reason !== ENDED
  return [`next: ${next}${canGoBack ? '; "rollout roll-back" brings the fallback' : ''}`]
}

/** Stages with a bar of devices that are where they should be, then failures by reason. */
export function describeRollout(rollout: RolloutAnswer): string[] {
  const reason = rollout.pauseReason
  const why = typeof reason === 'string' ? ` (${reason}${rollout.pauseCode ? `: ${rollout.pauseCode}` : ''})` : ''
  const fallback = rollout['fallbackId']
  const failures = Object.entries(rollout.failuresByReason ?? {})
  return [
    `rollout ${rollout.id}: ${rollout.state}${why}`,
    ...waitLines(rollout),
    ...rollout.stages.map(stageLine),
    ...(failures.length === 0 ? [] : ['failures by reason:']),
    ...failures.map(([name, count]) => `  ${String(count).padStart(6)}  ${name}`),
    ...(typeof fallback === 'string' ? [`the fallback is brought by rollout ${fallback}`] : []),
    ...(typeof rollout.clearedAt === 'number' ? [`cleared of its devices ${timeText(rollout.clearedAt)}`] : []),
    ...adviceLines(rollout),
  ]
}

function waitLines({ waitingFor, waitsUntil }: RolloutAnswer): string[] {
  if (typeof waitingFor !== 'string') return []
  return [`  waits: ${waitingFor}${typeof waitsUntil === 'number' ? ` until ${timeText(waitsUntil)}` : ''}`]
}

function stageLine(stage: StageAnswer): string {
  const { counts } = stage
  const stored = counts['stored'] ?? 0
  // Where a release is only to be downloaded, it is stored in the end and never confirmed.
  const [done, word] =
    stored > 0 ? [stored + (counts['confirmed'] ?? 0), 'stored'] : [counts['confirmed'] ?? 0, 'confirmed']
  const size = stage.size ?? sumOf(counts, Object.keys(counts))
  const rest = [
    [sumOf(counts, underWay), 'under way'],
    [counts['queued'] ?? 0, 'queued'],
    [sumOf(counts, stagesOfFailure), 'failed'],
    [counts['cancelled'] ?? 0, 'cancelled'],
    [counts['superseded'] ?? 0, 'superseded'],
  ] as const
  const words = rest.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`)
  return `  stage ${stage.index + 1}  ${stage.state.padEnd(7)}  ${barText(done, size, 24)}  ${done} of ${size} ${word}${words.join('')}`
}
