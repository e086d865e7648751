import { z } from 'zod'
import { barText } from './progress-bar.js'
import { countText, timeText } from './quantity-text.js'
import { confirm, type Session } from './session.js'

const Cleared = z.looseObject({
  isDone: z.boolean(),
  items: z.array(z.looseObject({ id: z.string(), endedAt: z.number(), devices: z.number() })),
})
type Cleared = z.infer<typeof Cleared>

export interface ClearingOptions {
  readonly endedDays: number
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Shows what would go, asks, and goes on until all of it went. */
export async function clearRollouts(session: Session, { endedDays, dryRun, yes }: ClearingOptions): Promise<void> {
  const { output, world } = session
  const ask = (isDryRun: boolean): Promise<Cleared> =>
    session.api.post('/rollouts/clear', { endedDays, isDryRun }, Cleared)
  const preview = await ask(true)
  const whole = devicesIn(preview)
  for (const { id, endedAt, devices } of preview.items)
    output.line(`${id}  ended ${timeText(endedAt)}  ${countText(devices)} devices`)
  output.line(`${countText(preview.items.length)} rollouts, ${countText(whole)} devices`)
  if (dryRun === true || preview.items.length === 0) {
    output.result(preview)
    return
  }
  await confirm(world, yes, 'Forget what became of each of these devices? Counts and what people signed stay.')
  let cleared = 0
  for (let isDone = false; !isDone;) {
    const answer = await ask(false)
    cleared += devicesIn(answer)
    isDone = answer.isDone || answer.items.length === 0
    world.terminal.status(`${barText(cleared, whole)} ${countText(cleared)} of ${countText(whole)} devices`)
  }
  world.terminal.status('')
  output.line(`cleared away ${countText(cleared)} devices`)
  output.result({ isDryRun: false, rollouts: preview.items.length, devices: cleared })
}

const devicesIn = ({ items }: Cleared): number => items.reduce((sum, { devices }) => sum + devices, 0)
