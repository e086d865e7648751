import { attacks } from './attacks.js'
import type { Played } from './mutate.js'
import { runAttack } from './run-attack.js'
import { disposeSharedToken } from './shared-token.js'

// Runs in the copy without a guard: plays what is named and says how it ended, one line each.
for (const name of process.argv.slice(2)) {
  const attack = attacks.find((known) => known.name === name)
  if (attack === undefined) throw new Error(`no attack ${name} in this copy`)
  const { verdict, crash } = await runAttack(attack)
  const played: Played = { name, verdict, ...(crash === undefined ? {} : { crash }) }
  process.stdout.write(`${JSON.stringify(played)}\n`)
}
await disposeSharedToken()
process.exit()
