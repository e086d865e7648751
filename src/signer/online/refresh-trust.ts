import { atCheck } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { requireNamespace } from '../checks/namespace.check.js'
import { takeCourier } from '../trust/take-courier.js'
import type { OnlineContext } from './online-context.js'

/**
 * Checks 2 to 4 of the online signer: takes what the release signer published since the last look, and reads the clock.
 * @returns seconds since the epoch.
 * @throws Refusal with the number of its check; news that are refused are found and refused again.
 */
export async function refreshTrust(context: OnlineContext): Promise<number> {
  const { state, published } = context
  atCheck(2, () => requireNamespace(context.namespace, state.held.state.root.namespace))
  const now = atCheck(4, () => requireClock(context.clock, context.uptime, state))
  const news = atCheck(3, () => published.findNews(state.held.state.root.version))
  if (news === null) return now
  await takeCourier(state, news.courier, now)
  published.markTaken(news.stamp)
  // Another request may have been answered meanwhile: never go back behind its time.
  return atCheck(4, () => requireClock(context.clock, context.uptime, state))
}
