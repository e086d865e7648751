import { benchmarks } from './benchmarks.js'
import { runBenchmarks } from './run.js'

process.exitCode = await runBenchmarks(benchmarks, process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
})
