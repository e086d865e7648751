import { afterEach, describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PlantedProject, projectRoot, runTool, type ToolRun } from './planted-project.js'

const script = 'scripts/signer-bundle.mjs'

let project: PlantedProject | undefined
afterEach(() => project?.remove())

/** A signer of one line and a list of packages, judged by the real script. */
function check(source: string, list: string): ToolRun {
  project = new PlantedProject({
    [script]: readFileSync(join(projectRoot, script), 'utf8'),
    'src/signer/main.ts': source,
    'src/signer/packages.txt': list,
  })
  return project.run('node', script, '--check')
}

describe("npm packages in the signer's bundle", () => {
  it('are those of src/signer/packages.txt', () => {
    expect(runTool(projectRoot, 'node', script, '--check')).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  it('are found whether they are bundled or stay beside it', () => {
    const source = "import pkcs11js from 'pkcs11js'\nimport { z } from 'zod'\nconsole.log(pkcs11js, z.string())\n"
    expect(check(source, '# two\npkcs11js\nzod\n').status).toBe(0)
  })

  it('may not grow unnoticed, not even by the dependency of a dependency', () => {
    const run = check("import pg from 'pg'\nconsole.log(pg)\n", '# one\npg\n')
    expect(run.status).toBe(1)
    expect(run.stderr).toContain('pg-protocol is in the signer and not in src/signer/packages.txt')
    expect(run.stderr).not.toMatch(/^pg is/m)
  })

  it('may not be listed when they are gone', () => {
    const run = check("import { z } from 'zod'\nconsole.log(z.string())\n", 'mqtt\nzod\n')
    expect(run.status).toBe(1)
    expect(run.stderr).toBe('mqtt is in src/signer/packages.txt and not in the signer\n')
  })

  it('are not taken for right when there is nothing to see', () => {
    const run = check('console.log(1)\n', '# none\n')
    expect(run.status).toBe(1)
    expect(run.stderr).toBe('the bundle holds no package at all\n')
  })
})
