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

/** Functions and categories of CSF 2.0 (NIST CSWP 29, appendix A), with the numbers of their subcategories. */
const subcategories: Readonly<Record<string, readonly number[]>> = {
  'GV.OC': [1, 2, 3, 4, 5],
  'GV.RM': [1, 2, 3, 4, 5, 6, 7],
  'GV.RR': [1, 2, 3, 4],
  'GV.PO': [1, 2],
  'GV.OV': [1, 2, 3],
  'GV.SC': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  'ID.AM': [1, 2, 3, 4, 5, 7, 8],
  'ID.RA': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  'ID.IM': [1, 2, 3, 4],
  'PR.AA': [1, 2, 3, 4, 5, 6],
  'PR.AT': [1, 2],
  'PR.DS': [1, 2, 10, 11],
  'PR.PS': [1, 2, 3, 4, 5, 6],
  'PR.IR': [1, 2, 3, 4],
  'DE.CM': [1, 2, 3, 6, 9],
  'DE.AE': [2, 3, 4, 6, 7, 8],
  'RS.MA': [1, 2, 3, 4, 5],
  'RS.AN': [3, 6, 7, 8],
  'RS.CO': [2, 3],
  'RS.MI': [1, 2],
  'RC.RP': [1, 2, 3, 4, 5, 6],
  'RC.CO': [3, 4],
}
/** OWASP Non-Human Identities Top 10, 2025. */
const nonHuman = [
  'improper offboarding',
  'secret leakage',
  'vulnerable third-party NHI',
  'insecure authentication',
  'overprivileged NHI',
  'insecure cloud deployment configurations',
  'long-lived secrets',
  'environment isolation',
  'NHI reuse',
  'human use of NHI',
]
const TENETS = 7

const isDemand = (line: string): boolean => /^\| (?!demand|---)/.test(line)

/** Identifiers of a row that their documents do not have, and names that are another identifier's. */
function findForeign([csf = '', others = '']: readonly string[]): string[] {
  const categories = csf.split(', ').filter((id) => {
    const [, category = '', number] = /^([A-Z]{2}\.[A-Z]{2})-(\d\d)$/.exec(id) ?? []
    return subcategories[category]?.includes(Number(number)) !== true
  })
  const named = others.replaceAll('800-207 ', '').split(', ')
  const rest = named.filter((text) => {
    const [, tenet] = /^tenet ([1-9])$/.exec(text) ?? []
    if (tenet !== undefined) return Number(tenet) > TENETS
    const [, number, name] = /^NHI(\d+)(?: (.+))?$/.exec(text) ?? []
    const title = nonHuman[Number(number) - 1]
    return title === undefined || (name !== undefined && name !== title)
  })
  return [...categories, ...rest]
}

const cellsOf = (row: string): string[] => row.split(' | ').map((cell) => cell.replaceAll('|', '').trim())

describe('docs/controls.md', () => {
  it('names subcategories, risks and tenets that there are, by their names', () => {
    const rows = read('docs/controls.md').split('\n').filter(isDemand)
    expect(rows.flatMap((row) => findForeign(cellsOf(row).slice(1, 3)))).toEqual([])
  })

  it.each([
    ['PR.AA-07', 'NHI5'],
    ['DE.CM-04', 'NHI5'],
    ['PR.AA-05', 'NHI11'],
    ['PR.AA-05', 'NHI5 secret leakage'],
    ['PR.AA-05', '800-207 tenet 8'],
  ])('would be found out with %s and %s', (csf, others) => {
    expect(findForeign([csf, others])).toHaveLength(1)
  })

  it('cites files, tests, attacks and commands that are there', () => {
    expect(findMissing(read('docs/controls.md'))).toEqual([])
  })

  it('has a check and a proof in every line', () => {
    const rows = read('docs/controls.md').split('\n').filter(isDemand)
    expect(rows.length).toBeGreaterThan(20)
    for (const row of rows) {
      const cells = cellsOf(row)
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
  const groups = all(program).filter(({ commands }) => commands.length > 0)
  const nameOf = (command: Command): string => {
    const names: string[] = []
    for (let each: Command | null = command; each !== null; each = each.parent) names.unshift(each.name())
    return names.slice(1).join(' ')
  }

  it.each(groups.map((command) => [nameOf(command), command] as const))(
    '%s, a group, shows one of its own',
    (name, group) => {
      let help = ''
      group.configureOutput({ writeOut: (text) => (help += text) })
      group.outputHelp()
      expect(help).toContain(`Example:\n  $ countersign ${name} `)
    },
  )

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
