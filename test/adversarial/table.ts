import type { AttackResult } from './run-attack.js'
import type { MutationResult } from './mutate.js'
import type { Verdict } from './verdict.js'

/** Rows of `--json`. */
export const toJson = ({ attack, verdict, pass }: AttackResult): object => ({
  attack: attack.name,
  step: verdict.step,
  code: verdict.code,
  pass,
})

/** A table: attack, refused at step, code, pass; and under a row that failed, why. */
export const formatResults = (results: readonly AttackResult[]): string =>
  format(
    ['attack', 'refused at step', 'code', 'pass'],
    results.map((result) => ({
      cells: [result.attack.name, stepOf(result.verdict), result.verdict.code, passWord(result.pass)],
      note: result.pass
        ? null
        : (result.crash ?? `expected ${describe(result.attack.expected)}, was ${describe(result.verdict)}`),
    })),
  )

/** A table: what became of each attack without its guard. */
export const formatMutations = (results: readonly MutationResult[]): string =>
  format(
    ['attack', 'guard taken away in', 'refused at step', 'without the guard', 'pass'],
    results.map(({ attack, verdict, pass, why }) => ({
      cells: [
        attack.name,
        attack.guard.map(({ file }) => file).join(', '),
        stepOf(attack.expected),
        verdict === null ? '-' : `${stepOf(verdict)} ${verdict.code}`.replace(/^- /, ''),
        passWord(pass),
      ],
      note: pass ? null : why,
    })),
  )

const passWord = (pass: boolean): string => (pass ? 'yes' : 'NO')

/** Nothing refused what runs. */
const stepOf = ({ step, code }: Verdict): string => (code === 'CONFIRMED' || code === 'SIGNED' ? '-' : String(step))

const describe = ({ step, code, detail }: Verdict): string =>
  `step ${step} ${code}${detail === undefined ? '' : ` ${JSON.stringify(detail)}`}`

interface Row {
  readonly cells: readonly string[]
  readonly note: string | null
}

function format(heading: readonly string[], rows: readonly Row[]): string {
  const lines = [heading, ...rows.map(({ cells }) => cells)]
  const widths = heading.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  const pad = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [pad(heading), ...rows.flatMap(({ cells, note }) => [pad(cells), ...(note === null ? [] : [`    ${note}`])])]
    .map((line) => `${line}\n`)
    .join('')
}
