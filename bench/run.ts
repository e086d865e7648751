import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'
import { formatRows } from './table.js'

const help = (known: readonly Benchmark[]): string => `usage: npm run bench -- [NAME …] [--json FILE] [--small]

Measures this program beside a reference in the same run and prints a table. Without a name it runs all there are:
${known.map(({ name, about }) => `  ${name.padEnd(12)}${about}`).join('\n')}

  --json FILE   also write the rows as JSON: [{name, ours, reference, ratio, unit, n}]
  --small       a short run on little input, to see that it works; its numbers say nothing
  --help        this text

example: npm run bench -- trust --json bench.json
`

/** Where a run prints to. */
export interface Output {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

/**
 * Runs what the arguments name.
 * @returns the exit code: 2 for arguments that name nothing we have.
 */
export async function runBenchmarks(
  known: readonly Benchmark[],
  argv: readonly string[],
  { out, error }: Output,
): Promise<number> {
  const asked = findArguments(argv)
  if (asked === null || asked.unknown(known).length > 0) {
    const names = known.map(({ name }) => name).join(', ')
    const what = asked === null ? 'arguments not understood' : `no such benchmark: ${asked.unknown(known).join(', ')}`
    error(`bench: ${what}; there are ${names}, --json FILE, --small and --help\n`)
    return 2
  }
  if (asked.help) {
    out(help(known))
    return 0
  }
  const rows: BenchmarkRow[] = []
  for (const benchmark of known.filter(({ name }) => asked.names.length === 0 || asked.names.includes(name)))
    for await (const row of benchmark.rows(asked.size)) rows.push(row)
  out(formatRows(rows))
  if (asked.json !== undefined) writeFileSync(asked.json, `${JSON.stringify(rows, null, 2)}\n`)
  return 0
}

interface Asked {
  readonly names: readonly string[]
  readonly json: string | undefined
  readonly size: BenchmarkSize
  readonly help: boolean
  unknown(known: readonly Benchmark[]): readonly string[]
}

function findArguments(argv: readonly string[]): Asked | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        small: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const unknown = (known: readonly Benchmark[]): string[] =>
      positionals.filter((asked) => !known.some(({ name }) => name === asked))
    const size = values.small ? 'small' : 'full'
    return { names: positionals, json: values.json, size, help: values.help, unknown }
  } catch {
    // parseArgs throws a TypeError for an option it does not know, and for one without its value.
    return null
  }
}
