import type { BenchmarkRow } from './benchmark.js'

const heading = ['name', 'ours', 'reference', 'ratio', 'unit', 'n']

/** Rows as a text table: words to the left, numbers to the right. */
export function formatRows(rows: readonly BenchmarkRow[]): string {
  const cells = [heading, ...rows.map(cellsOf)]
  const widths = heading.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  const isWord = (column: number): boolean => heading[column] === 'name' || heading[column] === 'unit'
  const pad = (cell: string, column: number): string =>
    isWord(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return cells.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('')
}

const cellsOf = (row: BenchmarkRow): string[] => [
  row.name,
  speed(row.ours),
  speed(row.reference),
  row.ratio.toFixed(2),
  row.unit,
  String(Math.round(row.n)),
]

const speed = (amount: number): string => amount.toFixed(amount >= 100 ? 0 : amount >= 1 ? 1 : 3)
