import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { attackGroups, type Attack } from './attack.js'
import { mutateAndRun } from './mutate.js'
import { runAttacks } from './run-attack.js'
import { disposeSharedToken } from './shared-token.js'
import { formatMutations, formatResults, toJson } from './table.js'

const help = `usage: npm run attacks -- [NAME …] [--group GROUP] [--json FILE] [--mutate]

Plays every attack against the code of the product and prints at which step of a device or check of a signer it was refused.
Ends with 1 when one was not refused for the expected reason.

  NAME           only these attacks
  --group GROUP  only those on one part: ${attackGroups.join(', ')}
  --json FILE    also write [{attack, step, code, pass}]
  --mutate       then take the guard of each attack away, in a copy of the source, and play it there: it has to get further
  --help         this text

example: npm run attacks -- --group signer --json a.json
`

/** Where the command prints to. */
export interface Output {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

/** @returns the exit code: 1 when an attack is not refused as expected, 2 for arguments that name nothing we have. */
export async function runCommand(known: readonly Attack[], argv: readonly string[], output: Output): Promise<number> {
  const asked = findArguments(known, argv)
  if (typeof asked === 'string') {
    output.error(`attacks: ${asked}; there are NAME, --group, --json FILE, --mutate and --help\n`)
    return 2
  }
  if (asked.help) {
    output.out(help)
    return 0
  }
  try {
    return (await play(asked, output)) === 0 ? 0 : 1
  } finally {
    await disposeSharedToken()
  }
}

/** @returns how many did not end as they have to. */
async function play(asked: Asked, output: Output): Promise<number> {
  const beganMs = performance.now()
  const results = await runAttacks(asked.attacks)
  output.out(formatResults(results))
  if (asked.json !== undefined) writeFileSync(asked.json, `${JSON.stringify(results.map(toJson), null, 2)}\n`)
  let failed = results.filter(({ pass }) => !pass).length
  output.out(`${results.length} attacks, ${failed} failed, ${secondsSince(beganMs)} s\n`)
  if (asked.mutate) {
    const mutatedMs = performance.now()
    const mutations = await mutateAndRun(asked.attacks)
    const unplayed = mutations.filter(({ verdict }) => verdict === null).length
    const kept = mutations.filter(({ pass }) => !pass).length - unplayed
    output.out(`\n${formatMutations(mutations)}`)
    output.out(
      `${mutations.length} guards taken away, ${kept} made no difference, ${unplayed} not played, ${secondsSince(mutatedMs)} s\n`,
    )
    failed += kept + unplayed
  }
  return failed
}

const secondsSince = (beganMs: number): string => ((performance.now() - beganMs) / 1000).toFixed(1)

interface Asked {
  readonly attacks: readonly Attack[]
  readonly json: string | undefined
  readonly mutate: boolean
  readonly help: boolean
}

/** @returns what is asked for, or what is wrong about it. */
function findArguments(known: readonly Attack[], argv: readonly string[]): Asked | string {
  const parsed = parse(argv)
  if (parsed === null) return 'arguments not understood'
  const { names, group, json, mutate = false, help = false } = parsed
  const strangers = names.filter((name) => !known.some((attack) => attack.name === name))
  if (strangers.length > 0) return `no such attack: ${strangers.join(', ')}`
  if (group !== undefined && !attackGroups.some((word) => word === group)) return `no such group: ${group}`
  const isAsked = (attack: Attack): boolean =>
    (names.length === 0 || names.includes(attack.name)) && (group === undefined || attack.group === group)
  const asked = known.filter(isAsked)
  // A run that looks at nothing would pass.
  return asked.length === 0 ? 'no attack is left to play' : { attacks: asked, json, mutate, help }
}

function parse(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        group: { type: 'string' },
        json: { type: 'string' },
        mutate: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return { ...values, names: positionals }
  } catch (error) {
    if (String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) return null
    throw error
  }
}
