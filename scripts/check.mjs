// The house rules, each by the tool that knows it: format, lint, types, fences between rooms, dead code.
// All of them run, also when one fails; the exit code is 1 when any did. Steps named on the command line run alone;
// `--fix` first repairs what can be repaired.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folders = ['src', 'device-sim', 'demo', 'bench', 'migrations', 'test'].filter((name) =>
  existsSync(join(root, name)),
)
const formatted = ['**/*.{ts,mjs,cjs,json}', '.oxlintrc.json', '.dependency-cruiser.cjs']

/** Runs a tool of this project's node_modules; its whole output is text, colours are left out. */
function run(tool, ...args) {
  const command = join(root, 'node_modules', '.bin', tool)
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
  })
  if (error) return { passed: false, output: `${tool}: ${error.code ?? error.message}` }
  return { passed: status === 0, output: `${stdout}${stderr}`.trim() }
}

function countSources(folder) {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.ts')).length
}

/** A cruise that sees nothing finds nothing wrong, so the number of modules seen is part of the verdict. */
function cruise() {
  const result = run('depcruise', '--config', '.dependency-cruiser.cjs', ...folders)
  if (!result.passed) return result
  const cruised = Number(/\((\d+) modules/.exec(result.output)?.[1] ?? 0)
  const sources = folders.reduce((sum, folder) => sum + countSources(folder), 0)
  if (cruised > 0 && cruised >= sources) return result
  return { passed: false, output: `${cruised} modules cruised, ${sources} source files are there` }
}

const steps = [
  ['format', () => run('prettier', '--check', '--log-level', 'warn', ...formatted)],
  ['lint', () => run('oxlint', ...folders, 'scripts')],
  ['types', () => run('tsc', '--noEmit', '-p', 'tsconfig.json')],
  ['fences', cruise],
  ['dead-code', () => run('knip', '--no-progress')],
]

const asked = process.argv.slice(2)
const named = asked.filter((each) => each !== '--fix')
const known = steps.map(([name]) => name)
const unknown = named.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(', ')}; there are ${known.join(', ')} and --fix`)
  process.exit(2)
}

if (asked.includes('--fix')) {
  run('oxlint', '--fix', ...folders, 'scripts')
  run('prettier', '--write', '--log-level', 'warn', ...formatted)
}

let failed = 0
for (const [name, step] of steps.filter(([each]) => named.length === 0 || named.includes(each))) {
  const startedMs = performance.now()
  const { passed, output } = step()
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  if (!passed) failed += 1
  console.log(`${passed ? 'ok  ' : 'FAIL'}  ${name.padEnd(9)}  ${seconds.padStart(5)} s`)
  if (!passed) console.log(`${output.replaceAll(/^/gm, '      ')}\n`)
}
process.exitCode = failed === 0 ? 0 : 1
