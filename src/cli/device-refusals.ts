import { z } from 'zod'
import { countText, timeText } from './quantity-text.js'
import type { Session } from './session.js'

const Reports = z.object({
  items: z.array(z.looseObject({ code: z.string(), reports: z.number(), lastAt: z.number() })),
})
const Calls = z.object({ items: z.array(z.looseObject({ kind: z.string(), count: z.number(), lastAt: z.number() })) })

/** How often devices were told "no": reports, whichever way they came, and calls of our own protocol, reports among them. */
export async function showRefusals(session: Session): Promise<void> {
  const reports = (await session.api.get('/refused-reports', Reports)).items
  const calls = (await session.api.get('/device-refusals', Calls)).items
  const { output } = session
  for (const { code, reports: count, lastAt } of reports) output.line(lineOf('report', code, count, lastAt))
  for (const { kind, count, lastAt } of calls) output.line(lineOf('call', kind, count, lastAt))
  output.result({ reports, calls })
}

const lineOf = (what: string, code: string, count: number, lastAt: number): string =>
  `${what.padEnd(6)}  ${code}  ${countText(count)} times, last ${timeText(lastAt)}`
