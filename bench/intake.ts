import type { Benchmark } from './benchmark.js'
import { inspectRows } from './inspect.js'
import { uploadRows } from './intake/upload-row.js'

export const intakeBenchmark: Benchmark = {
  name: 'intake',
  about: 'an upload beside a bare loop that hashes, writes and flushes; the inspector beside one that hashes',
  async *rows(size) {
    yield* uploadRows(size)
    yield* inspectRows(size)
  },
}
