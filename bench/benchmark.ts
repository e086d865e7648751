/**
 * One comparison of a run. Speeds are units per second, so more is better; `ratio` is ours divided by the reference's. Of a
 * row in `ms` or `MB` less is better, and its ratio is turned round: from 1 on it holds its limit.
 */
export interface BenchmarkRow {
  readonly name: string
  readonly ours: number
  readonly reference: number
  readonly ratio: number
  readonly unit: string
  /** Units of work that we did while it was measured. */
  readonly n: number
  /** Most memory that our process held, where that is bounded. */
  readonly peakRssMb?: number
}

/** `small` shows within seconds that a benchmark runs, on little input; its numbers say nothing. */
export type BenchmarkSize = 'full' | 'small'

/** A benchmark measures us beside a reference in the same run, on the same machine and the same input. */
export interface Benchmark {
  /** The word it is asked for by. */
  readonly name: string
  /** What is compared with what, in a line. */
  readonly about: string
  rows(size: BenchmarkSize): AsyncIterable<BenchmarkRow>
}
