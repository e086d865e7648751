// Throws mutated documents at everything that reads bytes from outside, for a while. A finding prints its bytes and the
// seed of the run. The same run, two seconds long, is part of the tests.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const usage = `usage: npm run fuzz -- [--seconds N] [--seed N]

  --seconds N   how long to go on, 60 when not said
  --seed N      choose as an earlier run did; keys are new in each run

example: npm run fuzz -- --seconds 300
`

/** @returns the number, null when it is none, undefined when it was not given. */
const findNumber = (text) => (text === undefined ? undefined : /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null)

function readArguments() {
  try {
    const options = { seconds: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean', short: 'h' } }
    const { values } = parseArgs({ options })
    return { help: values.help === true, seconds: findNumber(values.seconds), seed: findNumber(values.seed) }
  } catch {
    return { help: false, seconds: null, seed: null }
  }
}

const { help, seconds = 60, seed } = readArguments()
if (help) {
  process.stdout.write(usage)
  process.exit(0)
}
if (seconds === null || seed === null) {
  process.stderr.write(`fuzz: arguments not understood\n${usage}`)
  process.exit(2)
}
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = spawnSync(process.execPath, [join(root, 'node_modules/jest/bin/jest.js'), 'test/fuzz/.*-run'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
    FUZZ_SECONDS: String(seconds),
    ...(seed === undefined ? {} : { FUZZ_SEED: String(seed) }),
  },
})
process.exitCode = run.status ?? 1
