import { expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './planted-project.js'

/** What a clone would hold: files git tracks, and new ones it does not ignore. Nothing that is only on this disk. */
function readFiles(): Map<string, string> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
  })
  const paths = listed
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(projectRoot, path)))
  return new Map(paths.map((path) => [path, readFileSync(join(projectRoot, path), 'utf8')]))
}

const files = readFiles()
const sources = [...files].filter(([path]) => /\.(ts|mjs|cjs|js)$/.test(path) && !path.startsWith('docs/'))

/** Paths and lines on which `pattern` is found. */
const findLines = (entries: Iterable<readonly [path: string, text: string]>, pattern: RegExp): string[] =>
  [...entries].flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : [])),
  )

/** Lines with code on them: blank lines and lines that hold only a comment are free. */
const countCodeLines = (text: string): number =>
  text
    .replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length

it('finds the files of the project', () => {
  expect(files.has('package.json')).toBe(true)
  expect(files.has('package-lock.json')).toBe(true)
  expect(sources.length).toBeGreaterThan(3)
})

it('counts code, not blank lines and comments', () => {
  expect(countCodeLines('/** Why.\n * More.\n */\nconst a = 1\n\n// why\n  // why\nconst b = 2 // why\n')).toBe(2)
})

it('keeps every source file within 300 lines of code', () => {
  expect(countCodeLines('x\n'.repeat(301))).toBe(301)
  expect(sources.filter(([, text]) => countCodeLines(text) > 300).map(([path]) => path)).toEqual([])
})

/** A pattern nobody may write, a line it has to find and a line it has to leave alone. Pieced together: this file is read too. */
const forbidden: readonly (readonly [what: string, pattern: RegExp, found: string, free: string])[] = [
  [
    'a path of a home, a workplace or a temporary folder',
    /(^|[\s'"`=:(])\/(work|home|Users|tmp|private|var\/folders)\/[\w.]/,
    ['cd ', 'home', 'engineer'].join('/'),
    "'/api/home/x' and '../tmp/x'",
  ],
  [
    'the host of a package registry',
    /registry\.(npmjs|yarnpkg|npmmirror)/,
    ['https://registry', 'npmjs', 'org/zod'].join('.'),
    'a registry of devices',
  ],
  [
    'a private key',
    /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    ['-----BEGIN', 'PRIVATE KEY-----'].join(' '),
    '-----BEGIN PUBLIC KEY-----',
  ],
  [
    'a silenced lint rule without a reason',
    /(ox|es)lint-disable(?!.* -- \w)/,
    ['// oxlint', 'disable-next-line eqeqeq'].join('-'),
    ['// oxlint', 'disable-next-line eqeqeq -- null and undefined mean the same here'].join('-'),
  ],
  [
    'a silenced type error',
    /@ts-(ignore|nocheck)/,
    ['// @ts', 'ignore'].join('-'),
    '// @ts-expect-error a device may lie',
  ],
]

it.each(forbidden)('holds nowhere %s', (_, pattern, found, free) => {
  expect(findLines([['planted.ts', `${free}\n${found}`]], pattern)).toEqual([`planted.ts:2: ${found}`])
  // The planted directives of the lint rules are quoted there on purpose.
  const read = [...files].filter(([path]) => path !== 'test/architecture/lint.spec.ts')
  expect(findLines(read, pattern)).toEqual([])
})

interface LockedPackage {
  readonly integrity?: string
  readonly resolved?: string
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
}

it('pins packages by digest and leaves the choice of registry to who installs', () => {
  const lock = JSON.parse(files.get('package-lock.json') ?? '{}') as {
    readonly packages: Readonly<Record<string, LockedPackage>>
  }
  // A prebuilt binary for another platform may be absent where the lock was written; npm then cannot know its digest.
  const isForeignBinary = ({ optional, os, cpu }: LockedPackage): boolean =>
    optional === true && (os ?? cpu) !== undefined
  const installed = Object.entries(lock.packages).filter(([path]) => path !== '')
  expect(installed.length).toBeGreaterThan(0)
  const isUnpinned = (entry: LockedPackage): boolean => entry.integrity === undefined && !isForeignBinary(entry)
  expect(installed.filter(([, entry]) => isUnpinned(entry) || entry.resolved !== undefined)).toEqual([])
})

it('reads no clock in the domain by way of an empty Date', () => {
  const emptyDate = /\bnew Date(\(\s*\)|(?!\s*\()\b)|(?<!new )\bDate\(/
  const planted = 'new Date()\nnew Date\nDate()\nnew Date(seconds * 1000)\nDate.UTC(2026, 0)'
  expect(findLines([['planted.ts', planted]], emptyDate)).toHaveLength(3)
  const domain = sources.filter(([path]) => path.startsWith('src/domain/') && !path.endsWith('.spec.ts'))
  expect(domain.length).toBeGreaterThan(0)
  expect(findLines(domain, emptyDate)).toEqual([])
})
