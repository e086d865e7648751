import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Command } from 'commander'
import { CliHome } from '../../src/cli/cli-home.js'
import { buildProgram } from '../../src/cli/program.js'
import { RecordingTerminal } from '../support/cli-bench.js'
import { attacks } from '../adversarial/attacks.js'
import { projectRoot } from './planted-project.js'

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8')
const program = buildProgram({
  terminal: new RecordingTerminal(),
  home: new CliHome('nowhere'),
  clock: { nowSeconds: () => 0 },
  newId: () => '',
  sleep: async () => undefined,
  keyFileCost: { n: 2, r: 1, p: 1 },
})
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts

/** What a page cites and this project does not have. */
function findMissing(page: string): string[] {
  const missing: string[] = []
  const look = (pattern: RegExp, isThere: (...groups: string[]) => boolean): void => {
    for (const [whole, ...groups] of page.matchAll(pattern)) if (!isThere(...groups)) missing.push(whole)
  }
  look(/`((?:src|test|docs|deploy|demo|device-sim)\/[\w./-]+)`/g, (path = '') => existsSync(join(projectRoot, path)))
  look(
    /`([\w./-]+\.spec\.ts)` "([^"]+)"/g,
    (path = '', name = '') => existsSync(join(projectRoot, path)) && read(path).includes(name),
  )
  look(/attack `([\w-]+)`/g, (name) => attacks.some((attack) => attack.name === name))
  look(/npm run ([\w:-]+)/g, (name = '') => name in scripts)
  look(/`countersign ([a-z][a-z -]*[a-z])/g, (words = '') => findCommand(program, words.split(' ')))
  return missing
}

/** Words up to the first that is no command have to lead to one that does something. */
function findCommand(parent: Command, words: readonly string[]): boolean {
  const [word, ...rest] = words
  const found = parent.commands.find((each) => each.name() === word)
  return found !== undefined && (found.commands.length === 0 || findCommand(found, rest))
}

describe('docs/controls.md', () => {
  it('cites files, tests, attacks and commands that are there', () => {
    expect(findMissing(read('docs/controls.md'))).toEqual([])
  })

  it('has a check and a proof in every line', () => {
    const rows = read('docs/controls.md')
      .split('\n')
      .filter((line) => /^\| (?!demand|---)/.test(line))
    expect(rows.length).toBeGreaterThan(20)
    for (const row of rows) {
      const cells = row.split(' | ').map((cell) => cell.replaceAll('|', '').trim())
      expect(cells).toHaveLength(5)
      expect(cells.every((cell) => cell !== '')).toBe(true)
      expect(cells[4]).toMatch(/`/)
    }
  })

  it.each([
    ['a file', '`src/nowhere.ts`'],
    ['a test', '`src/cli/run.spec.ts` "does what nobody wrote"'],
    ['an attack', 'attack `nobody-tried`'],
    ['a script', 'npm run nothing'],
    ['a command', '`countersign keys forget`'],
    ['half a command', '`countersign keys`'],
  ])('is found out when %s is not there', (_, cited) => {
    expect(findMissing(`| it | is | there | ${cited} |`)).toHaveLength(1)
  })
})

describe('every command', () => {
  const all = (parent: Command): Command[] => parent.commands.flatMap((each) => [each, ...all(each)])
  const leaves = all(program).filter(({ commands }) => commands.length === 0)
  const nameOf = (command: Command): string => {
    const names: string[] = []
    for (let each: Command | null = command; each !== null; each = each.parent) names.unshift(each.name())
    return names.slice(1).join(' ')
  }

  it.each(leaves.map((command) => [nameOf(command), command] as const))(
    '%s has --json, and an example of its own',
    (name, command) => {
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) })
      command.outputHelp()
      expect(command.options.map(({ long }) => long)).toContain('--json')
      expect(help).toContain(`Example:\n  $ countersign ${name}`)
    },
  )
})
