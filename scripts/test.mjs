// Runs all tests, or those whose path matches an argument. Its last line is `N passed, N failed[, N skipped]`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EmbeddedPostgres } from '../dist/src/embedded/postgres.js'
import { runMigrations } from '../dist/src/server/database/migrate.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const vectors = resolve(root, process.env.COUNTERSIGN_VECTORS ?? '../shared/vectors')
if (!existsSync(vectors)) {
  console.log(`public test vectors: none at ${vectors} (COUNTERSIGN_VECTORS names another folder)`)
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-tests-'))
const outputFile = join(folder, 'result.json')
// One for all that do not mind others; a test that does has its own (test/support/test-database.ts).
const postgres = await EmbeddedPostgres.start({ folder: join(folder, 'postgres'), isDurable: false })
await runMigrations(await postgres.createDatabase('template_countersign'))
const postgresFile = join(folder, 'postgres-url')
writeFileSync(postgresFile, postgres.url(), { mode: 0o600 })
// Ctrl-C reaches the test runner through the terminal; this process stays to clear up.
process.on('SIGINT', () => undefined)
const jest = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/jest/bin/jest.js'),
    '--maxWorkers=2',
    '--json',
    `--outputFile=${outputFile}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    // What --json would print is in the file already.
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
      TEST_POSTGRES_FILE: postgresFile,
    },
  },
)
const { passed, failed, skipped } = count(existsSync(outputFile) ? readFileSync(outputFile, 'utf8') : null)
await postgres.stop()
rmSync(folder, { recursive: true })
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 && jest.status === 0 ? 0 : 1

/** A file that does not load, a run that leaves no result and a run without a test are each a failure. */
function count(text) {
  if (text === null) return { passed: 0, failed: 1, skipped: 0 }
  const result = JSON.parse(text)
  const passed = result.numPassedTests
  const skipped = result.numPendingTests + result.numTodoTests
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
  const isRed = failed === 0 && (jest.status !== 0 || passed + skipped === 0)
  return { passed, failed: isRed ? 1 : failed, skipped }
}
