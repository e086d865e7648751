import type { RolloutAnswer, RulesAnswer } from './api-answers.js'
import { countText, durationText } from './quantity-text.js'

const modes: Readonly<Record<string, string>> = {
  forced: 'devices install when they have it',
  soft: 'devices may ask a person first',
  'download-only': 'devices download, and install nothing',
}

/** How a rollout treats its devices, one line a rule; what limits nothing is not mentioned. */
export function describeRules(rollout: RolloutAnswer): string[] {
  const { rules, failureLimit, priority, where } = rollout
  if (rules === undefined) return []
  return [
    ...(typeof where === 'string' ? [`devices       ${where}`] : []),
    `mode          ${rules.mode}: ${modes[rules.mode] ?? ''}`,
    `failures      ${failureText(failureLimit)} borne; one more ${rules.onFailure === 'roll-back' ? 'rolls back to the fallback' : 'pauses it'}`,
    ...rollout.stages.map(stageText),
    ...(rules.retries > 0
      ? [`retries       ${rules.retries}, ${durationText(rules.retryAfterSeconds)} after a failure`]
      : []),
    ...rateLines(rules.rates),
    ...scheduleLines(rules.schedule),
    ...budgetLines(rules.siteBudget),
    ...(priority === undefined || priority === 0 ? [] : [`priority      ${priority}`]),
  ]
}

function stageText({ index, gate, soakSeconds = 0, where }: RolloutAnswer['stages'][number]): string {
  const soak = soakSeconds > 0 ? `, after it held for ${durationText(soakSeconds)}` : ''
  const only = typeof where === 'string' ? `; only ${where}` : ''
  return `stage ${index + 1}       ${gate?.confirmedPercent ?? '?'} % confirmed opens the next${soak}${only}`
}

function failureText(limit: RolloutAnswer['failureLimit']): string {
  const { count, percent } = limit ?? {}
  const parts = [
    ...(typeof count === 'number' ? [countText(count)] : []),
    ...(typeof percent === 'number' ? [`${percent} %`] : []),
  ]
  return `${parts.length === 0 ? 'some' : parts.join(' and ')} are`
}

function rateLines({ perMinute, inFlight, bytesPerSecond }: RulesAnswer['rates']): string[] {
  const grows = (rate: Readonly<Record<string, unknown>>): string =>
    `${String(rate['base'])} offers a minute, times ${String(rate['factor'])} for each ${String(rate['everyConfirmed'])} confirmed, at most ${String(rate['most'])}`
  return [
    ...(perMinute === undefined
      ? []
      : [
          `rate          ${perMinute.constant === undefined ? grows(perMinute) : `${perMinute.constant} offers a minute`}`,
        ]),
    ...(inFlight === undefined ? [] : [`in flight     at most ${countText(inFlight)} devices at a time`]),
    ...(bytesPerSecond === undefined
      ? []
      : [`bandwidth     ${countText(bytesPerSecond)} bytes a second over the fleet`]),
  ]
}

function scheduleLines({ timeZone, download, install, blackout }: RulesAnswer['schedule']): string[] {
  const zone = `by the device's clock (${timeZone} where nobody said)`
  return [
    ...(download.length === 0 ? [] : [`download      ${download.join('; ')}, ${zone}`]),
    ...(install.length === 0 ? [] : [`install       ${install.join('; ')}, ${zone}`]),
    ...(blackout.length === 0 ? [] : [`never on      ${blackout.join('; ')}`]),
  ]
}

function budgetLines(budget: RulesAnswer['siteBudget']): string[] {
  if (budget === null) return []
  const most = budget.devices === undefined ? `${budget.percent ?? '?'} % of its devices` : `${budget.devices} devices`
  return [`site budget   of one site at most ${most} at a time`]
}
