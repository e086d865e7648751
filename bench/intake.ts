import type { Benchmark } from './benchmark.js'
import { inspectRows } from './inspect.js'

export const intakeBenchmark: Benchmark = {
  name: 'intake',
  about: 'the inspector on every format beside a bare loop that reads the same file and hashes it',
  async *rows(size) {
    yield* inspectRows(size)
  },
}
