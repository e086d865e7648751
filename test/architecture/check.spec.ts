import { afterEach, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PlantedProject, type ToolRun } from './planted-project.js'

const manifest = (dependencies: Readonly<Record<string, string>>): string =>
  `${JSON.stringify({ name: 'planted', private: true, type: 'module', dependencies }, null, 2)}\n`

/** A whole project in two files: nothing in it breaks a rule. */
const clean = {
  'package.json': manifest({}),
  'src/cli/main.ts': "import { answer } from './answer.js'\n\nprocess.exitCode = answer\n",
  'src/cli/answer.ts': 'export const answer = 0\n',
}

let project: PlantedProject
afterEach(() => project.remove())

function check(files: Readonly<Record<string, string>>, ...asked: readonly string[]): ToolRun {
  project = new PlantedProject({ ...clean, ...files })
  return project.run('node', 'scripts/check.mjs', ...asked)
}

/** What was said of each step: `ok format`, `FAIL lint` … */
const verdicts = (run: ToolRun): string[] =>
  [...run.stdout.matchAll(/^(ok|FAIL) +(\w.*\w) +\d+\.\d s$/gm)].map(
    ([, verdict, step]) => `${verdict} ${step?.trim()}`,
  )

it('passes a project that breaks no rule', () => {
  const run = check({})
  expect(verdicts(run)).toEqual(['ok format', 'ok lint', 'ok types', 'ok fences', 'ok dead-code'])
  expect(run.status).toBe(0)
})

it('runs every step when every step fails, and says what each one found', () => {
  const run = check({
    'src/cli/answer.ts': 'export const answer = 0;\n',
    'src/cli/forgotten.ts': 'export const forgotten: any = 1\n',
    'src/cli/wrong.ts': "export const wrong: number = ''\n",
    'src/cli/reaching.ts': "import '../signer/main.js'\n",
    'src/signer/main.ts': 'export const unused = 1\n',
  })
  expect(verdicts(run)).toEqual(['FAIL format', 'FAIL lint', 'FAIL types', 'FAIL fences', 'FAIL dead-code'])
  expect(run.status).toBe(1)
  expect(run.stdout).toMatch(/\[warn] src\/cli\/answer\.ts/)
  expect(run.stdout).toMatch(/typescript\(no-explicit-any\)/)
  expect(run.stdout).toMatch(/src\/cli\/wrong\.ts\(1,14\): error TS2322/)
  expect(run.stdout).toMatch(/error cli: src\/cli\/reaching\.ts → src\/signer\/main\.ts/)
  expect(run.stdout).toMatch(
    /Unused files \(3\)\s+src\/cli\/forgotten\.ts\s+src\/cli\/reaching\.ts\s+src\/cli\/wrong\.ts/,
  )
})

it('finds an export nobody uses, a package nobody uses and a package nobody listed', () => {
  const run = check(
    {
      'package.json': manifest({ mqtt: '5.16.0' }),
      'src/cli/answer.ts': "import 'zod'\n\nexport const answer = 0\nexport const unused = 1\n",
    },
    'dead-code',
  )
  expect(verdicts(run)).toEqual(['FAIL dead-code'])
  expect(run.status).toBe(1)
  expect(run.stdout).toMatch(/Unused exports \(1\)\s+unused\s+src\/cli\/answer\.ts/)
  expect(run.stdout).toMatch(/Unused dependencies \(1\)\s+mqtt /)
  expect(run.stdout).toMatch(/Unlisted dependencies \(1\)\s+zod /)
})

it('does not take a cruise that saw no module for a clean one', () => {
  const rules = "module.exports = { forbidden: [], options: { includeOnly: '^nowhere/' } }\n"
  const run = check({ '.dependency-cruiser.cjs': rules }, 'fences')
  expect(verdicts(run)).toEqual(['FAIL fences'])
  expect(run.stdout).toContain('0 modules cruised, 2 source files are there')
  expect(run.status).toBe(1)
})

it('repairs the format on request', () => {
  const run = check({ 'src/cli/answer.ts': 'export const answer=0;\n' }, '--fix', 'format')
  expect(verdicts(run)).toEqual(['ok format'])
  expect(run.status).toBe(0)
  expect(readFileSync(join(project.root, 'src/cli/answer.ts'), 'utf8')).toBe('export const answer = 0\n')
})

it('refuses a step it does not know', () => {
  const run = check({}, 'formt')
  expect(run.stderr).toBe('no such step: formt; there are format, lint, types, fences, dead-code and --fix\n')
  expect(run.status).toBe(2)
})
