import { findOpening, isAlways, stateAt } from '../../domain/rollout/calendar.js'
import type { DeploymentState } from '../../domain/rollout/deployment-state.js'
import { calendarsOf, type RolloutRules } from '../../domain/rollout/rules.js'
import type { UpdateAnswer } from '../../protocol/device-http.js'
import { zoneOf } from '../rollout/device-zones.service.js'

/** How and when a device may act on its offer: what the poll's answer says beside the signed documents. */
export type OfferTerms = Pick<UpdateAnswer, 'mode' | 'installWindow'>

/** No window opens so soon: the device asks again before. */
const NOT_SOON = 366 * 86_400

/**
 * @param state of the device's deployment; what was downloaded once is not downloaded again.
 * @param timeZone the device's attribute.
 * @returns null while the device may not download.
 */
export function termsOf(
  rules: RolloutRules,
  state: DeploymentState,
  timeZone: string | null,
  now: number,
): OfferTerms | null {
  const calendars = calendarsOf(rules.schedule)
  const zone = zoneOf(timeZone, calendars.timeZone)
  const isToDownload = state === 'offered' || state === 'downloading'
  if (isToDownload && !isAlways(calendars.download) && !stateAt(calendars.download, zone, now).isOpen) return null
  const mode = rules.mode === 'forced' ? {} : { mode: rules.mode }
  if (isAlways(calendars.install)) return mode
  const opening = findOpening(calendars.install, zone, now, now + NOT_SOON)
  if (opening === null) return { ...mode, installWindow: { from: now + NOT_SOON, to: 0 } }
  // Moments and not spans from now: so that the answer, and its ETag, stay the same until something changes.
  const from = opening.from === now ? 0 : opening.from
  return { ...mode, installWindow: { from, to: opening.to === Infinity ? 0 : opening.to } }
}

/** When a device that may not download now may; null when that is far off. */
export function downloadsAt(rules: RolloutRules, timeZone: string | null, now: number): number | null {
  const calendars = calendarsOf(rules.schedule)
  const zone = zoneOf(timeZone, calendars.timeZone)
  return findOpening(calendars.download, zone, now, now + NOT_SOON)?.from ?? null
}
