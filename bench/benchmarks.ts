import type { Benchmark } from './benchmark.js'
import { downloadBenchmark } from './download.js'
import { intakeBenchmark } from './intake.js'
import { pollBenchmark } from './poll.js'
import { pollMemoryBenchmark } from './poll-memory.js'
import { rolloutBenchmark } from './rollout.js'
import { signBenchmark } from './sign.js'
import { trustBenchmark } from './trust.js'
import { wakeBenchmark } from './wake.js'

/** Every benchmark there is; a new one is a file and a line here. */
export const benchmarks: readonly Benchmark[] = [
  signBenchmark,
  trustBenchmark,
  intakeBenchmark,
  pollBenchmark,
  pollMemoryBenchmark,
  rolloutBenchmark,
  wakeBenchmark,
  downloadBenchmark,
]
