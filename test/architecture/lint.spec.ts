import { afterAll, describe, expect, it } from '@jest/globals'
import { groupByFile, PlantedProject } from './planted-project.js'

const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `export const line${i} = ${i}\n`).join('')
const branches = (count: number): string =>
  `export function planted(n: number): number {\n${Array.from({ length: count }, (_, i) => `  if (n === ${i}) return ${i + 1}\n`).join('')}  return 0\n}\n`
const names = (...specifiers: string[]): string => specifiers.map((each) => `import '${each}'\n`).join('')
const uses = (expression: string): string => `export const planted = (): unknown => ${expression}\n`

const imports = 'eslint(no-restricted-imports)'
const globals = 'eslint(no-restricted-globals)'
const properties = 'eslint(no-restricted-properties)'

/** What a pure room has no use for: each of these reads the world or changes it. */
const impure = [
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'performance',
  'fetch',
  'WebSocket',
  'crypto',
  'console',
]

/** What is planted, where, and the one rule that has to catch it. */
const caught: readonly (readonly [promise: string, path: string, source: string, rule: string])[] = [
  [
    'a promise nobody waits for',
    'src/cli/floating.ts',
    'export function planted(): void {\n  Promise.resolve(1)\n}\n',
    'typescript(no-floating-promises)',
  ],
  [
    'a promise used as a condition',
    'src/cli/misused.ts',
    'export const planted = (p: Promise<boolean>): number => (p ? 1 : 0)\n',
    'typescript(no-misused-promises)',
  ],
  ['a look-up by the inspector', 'src/inspect/lookup.ts', uses("fetch('https://example.com')"), globals],
  ['the environment in the inspector', 'src/inspect/environment.ts', uses('process.env'), globals],
  ['a clock in the inspector', 'src/inspect/clock.ts', uses('Date.now()'), properties],
  ['any', 'src/cli/any.ts', 'export const planted: any = 1\n', 'typescript(no-explicit-any)'],
  [
    'a non-null assertion',
    'src/cli/non-null.ts',
    'export const planted = (text: string | null): string => text!\n',
    'typescript(no-non-null-assertion)',
  ],
  [
    'a switch that forgets a case',
    'src/cli/switch.ts',
    "export function planted(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      break\n  }\n}\n",
    'typescript(switch-exhaustiveness-check)',
  ],
  [
    'a loose comparison',
    'src/cli/loose.ts',
    'export const planted = (n: number | null): boolean => n == null\n',
    'eslint(eqeqeq)',
  ],
  [
    'a cycle',
    'src/cli/cycle.ts',
    "import { back } from './cycle-back.js'\nexport const planted = (): unknown => back\n",
    'import(no-cycle)',
  ],
  [
    'the other half of a cycle',
    'src/cli/cycle-back.ts',
    "import { planted } from './cycle.js'\nexport const back = (): unknown => planted\n",
    'import(no-cycle)',
  ],
  ['a default export', 'src/cli/default.ts', 'export default 1\n', 'import(no-default-export)'],
  ['301 lines of code', 'src/cli/long.ts', lines(301), 'eslint(max-lines)'],
  ['a function with 13 ways through', 'src/cli/complex.ts', branches(12), 'eslint(complexity)'],
  [
    'a promise nobody waits for, in a spec',
    'src/domain/cbor/floating.spec.ts',
    'export function planted(): void {\n  Promise.resolve(1)\n}\n',
    'typescript(no-floating-promises)',
  ],
  [
    'a directive that silences nothing',
    'src/cli/directive.ts',
    '// oxlint-disable-next-line eqeqeq\nexport const planted = 1\n',
    '',
  ],

  ...impure.map((name) => [`${name} in the domain`, `src/domain/rollout/${name}.ts`, uses(name), globals] as const),
  ['the process in the domain, by globalThis', 'src/domain/trust/global-this.ts', uses('globalThis.process'), globals],
  ['the clock in the domain', 'src/domain/log/now.ts', uses('Date.now()'), properties],
  ['chance in the domain', 'src/domain/journal/random.ts', uses('Math.random()'), properties],
  ['a built-in in the domain', 'src/domain/trust/built-in.ts', names('node:fs'), imports],
  ['cryptography in the trust core', 'src/domain/trust/crypto.ts', names('node:crypto'), imports],
  ['a package in the domain', 'src/domain/targeting/package.ts', names('zod'), imports],
  ['a package in cose', 'src/domain/cose/package.ts', names('cbor-x'), imports],
  ['another built-in in cose', 'src/domain/cose/built-in.ts', names('node:process'), imports],
  ['randomness in cose', 'src/domain/cose/random.ts', "export { randomBytes } from 'node:crypto'\n", imports],
  ['a package in the protocol', 'src/protocol/package.ts', names('mqtt'), imports],
  ['a socket in the token room', 'src/token/socket.ts', names('node:net'), imports],
  ['Nest in the signer', 'src/signer/nest.ts', names('@nestjs/common'), imports],
  ['cbor-x in the signer', 'src/signer/cbor-x.ts', names('cbor-x'), imports],
  ['HTTP in the signer', 'src/signer/http.ts', names('node:http'), imports],
  ['a child process in the signer', 'src/signer/child.ts', names('node:child_process'), imports],
  ['fetch in the signer', 'src/signer/fetch.ts', uses("fetch('')"), globals],
  ['PKCS#11 in the server', 'src/server/keys/pkcs11.ts', names('pkcs11js'), imports],
  ['the clock in a service', 'src/server/release/planted.service.ts', uses('Date.now()'), properties],
  ['fetch in a service', 'src/server/release/fetch.service.ts', uses("fetch('')"), globals],
  ['the environment in a service', 'src/server/release/environment.service.ts', uses('process.env'), properties],
  ['the database in the command line', 'src/cli/database.ts', names('pg'), imports],
  ['Nest in the stand-ins', 'src/embedded/nest.ts', names('@nestjs/core'), imports],
  ['TypeORM in the device', 'device-sim/typeorm.ts', names('typeorm'), imports],
  ['TypeORM code in a migration', 'migrations/code.ts', "export { DataSource } from 'typeorm'\n", imports],
  ['another package in a migration', 'migrations/package.ts', names('pg'), imports],
]

/** What stands close to a fence and is on the right side of it. */
const allowed: readonly (readonly [promise: string, path: string, source: string])[] = [
  ['300 lines of code, with blank lines and comments between', 'src/cli/full.ts', `// why\n\n${lines(300)}`],
  ['a function with 12 ways through', 'src/cli/branching.ts', branches(11)],
  [
    'a switch with a default',
    'src/cli/with-default.ts',
    "export function planted(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1\n    default:\n      return 2\n  }\n}\n",
  ],
  ['a default export of a configuration file', 'test/planted.config.mjs', 'export default {}\n'],
  ['hashing in bytes and keys in cose', 'src/domain/bytes.ts', names('node:crypto')],
  ['Ed25519 in cose', 'src/domain/cose/noble.ts', names('@noble/ed25519', 'node:crypto', '../bytes.js')],
  ['a generator and a file in a spec of the domain', 'src/domain/cbor/fuzz.spec.ts', names('fast-check', 'node:fs')],
  ...[
    'src/domain/cose',
    'src/protocol',
    'src/token',
    'src/signer',
    'src/server',
    'src/cli',
    'src/embedded',
    'device-sim',
  ].map(
    (room) =>
      [
        `any package in a spec of ${room}`,
        `${room}/any.spec.ts`,
        names('pkcs11js', 'fast-check', 'typeorm', '@nestjs/core'),
      ] as const,
  ),
  ['zod and a UNIX socket in the signer', 'src/signer/socket.ts', names('zod', 'node:net', 'node:fs/promises')],
  ['pkcs11js in the token room', 'src/token/adapter.ts', names('pkcs11js')],
  ['TypeORM types in a migration', 'migrations/types.ts', "export type { QueryRunner } from 'typeorm'\n"],
  [
    'a class that Nest injects, imported as a value',
    'src/server/release/planted.controller.ts',
    "import { Clock } from './clock.port.js'\nexport class Planted {\n  constructor(readonly clock: Clock) {}\n}\n",
  ],
  ['the class itself', 'src/server/release/clock.port.ts', 'export abstract class Clock {}\n'],
]

interface Diagnostic {
  readonly code?: string
  readonly severity: string
  readonly filename: string
}

const planted = new PlantedProject(
  Object.fromEntries([...caught, ...allowed].map(([, path, source]) => [path, source])),
)
afterAll(() => planted.remove())
const run = planted.run('oxlint', '--format', 'json', 'src', 'device-sim', 'migrations', 'test')
const report = JSON.parse(run.stdout) as { diagnostics: Diagnostic[]; number_of_files: number }
const reported = groupByFile(report.diagnostics.map((each) => [each.filename, each.code ?? '']))

describe('lint', () => {
  it('reads every planted file and fails', () => {
    expect(report.number_of_files).toBe(caught.length + allowed.length)
    expect(run.status).toBe(1)
    expect(new Set(report.diagnostics.map((each) => each.severity))).toEqual(new Set(['error']))
  })
  it.each(caught)('catches %s', (_, path, __, rule) => {
    expect(reported[path]).toEqual([rule])
  })
  it.each(allowed)('lets pass %s', (_, path) => {
    expect(reported[path]).toBeUndefined()
  })
})
