import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { attackGroups, type Attack } from './attack.js'
import { attacks } from './attacks.js'
import { runCommand } from './command.js'
import { editSource } from '../support/edited-source.js'
import { findProject } from './mutate.js'
import { runAttack } from './run-attack.js'
import { disposeSharedToken } from './shared-token.js'
import { threats } from './threats.js'

async function run(known: readonly Attack[], argv: readonly string[]) {
  let [out, error] = ['', '']
  const code = await runCommand(known, argv, { out: (text) => (out += text), error: (text) => (error += text) })
  return { code, out, error }
}

function attackNamed(name: string): Attack {
  const found = attacks.find((attack) => attack.name === name)
  if (found === undefined) throw new Error(`no attack ${name}`)
  return found
}

afterAll(disposeSharedToken)

describe('the product withstands', () => {
  it.each(attacks.map((attack) => [attack.name, attack] as const))('%s', async (_, attack) => {
    const { verdict, crash } = await runAttack(attack)
    expect({ ...verdict, crash }).toMatchObject({ ...attack.expected, crash: undefined })
  })

  it('attacks of every group, each with a name of its own', () => {
    expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length)
    expect(attackGroups.filter((group) => !attacks.some((attack) => attack.group === group))).toEqual([])
  })

  it('everything that docs/trust.md §1 and the lists name', () => {
    const played = attacks.flatMap(({ threat }) => threat.split('; '))
    const page = readFileSync(join(findProject(), 'docs/trust.md'), 'utf8')
    const rows = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, row]) => `row ${row}`)
    // Row 14 is the log's.
    const known = [...rows.filter((row) => row !== 'row 14'), ...threats]
    expect(rows.length).toBe(19)
    expect(known.filter((threat) => !played.includes(threat))).toEqual([])
    expect(played.filter((threat) => !known.includes(threat))).toEqual([])
  })

  it('each by a guard that stands in the source once', () => {
    const missing = attacks
      .map(({ guard }) => editSource(findProject(), guard))
      .filter((found) => typeof found === 'string')
    expect(missing).toEqual([])
  })
})

describe('the command', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cs-attacks-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('prints a table and writes it as JSON', async () => {
    const file = join(folder, 'a.json')
    const { code, out } = await run(attacks, ['older-release', 'clock-mended', '--json', file])
    expect(code).toBe(0)
    expect(out).toContain(
      'older-release  13               ROLLBACK   yes\nclock-mended   -                CONFIRMED  yes\n',
    )
    expect(out).toContain('2 attacks, 0 failed')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([
      { attack: 'older-release', step: 13, code: 'ROLLBACK', pass: true },
      { attack: 'clock-mended', step: 16, code: 'CONFIRMED', pass: true },
    ])
  })

  it('plays one group', async () => {
    const { code, out } = await run(attacks, ['--group', 'journal'])
    expect({ code, lines: out.split('\n').length }).toEqual({ code: 0, lines: 5 })
  })

  it.each([
    ['another code', { code: 'KRL_OLD' as const }],
    ['another step', { step: 12 }],
    ['another fact', { detail: { offered: 4, floor: 6 } }],
  ])('ends with 1 when the refusal has %s than expected', async (_, change) => {
    const attack = attackNamed('older-release')
    const { code, out } = await run([{ ...attack, expected: { ...attack.expected, ...change } }], [])
    expect(code).toBe(1)
    expect(out).toContain('older-release  13               ROLLBACK  NO\n    expected step ')
    expect(out).toContain('was step 13 ROLLBACK {"offered":4,"floor":5}')
  })

  it('ends with 1 when an attack crashes, whatever it expected', async () => {
    const crashing: Attack = {
      ...attackNamed('older-release'),
      run: () => Promise.reject(new TypeError('no such thing')),
    }
    const { code, out } = await run([crashing], [])
    expect(code).toBe(1)
    expect(out).toContain('TypeError: no such thing')
  })

  it.each([
    ['a name that is none', ['nobody'], 'no such attack: nobody'],
    ['a group that is none', ['--group', 'nobody'], 'no such group: nobody'],
    ['an option that is none', ['--loud'], 'arguments not understood'],
    ['a choice that leaves nothing', ['older-release', '--group', 'journal'], 'no attack is left to play'],
  ])('refuses %s with exit code 2', async (_, argv, message) => {
    const { code, error } = await run(attacks, argv)
    expect(code).toBe(2)
    expect(error).toContain(message)
  })

  it('explains itself with an example', async () => {
    expect(await run(attacks, ['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('example: npm run') })
  })
})

describe('with --mutate', () => {
  const [edit] = attackNamed('older-release').guard
  const without = (guard: Attack['guard']): Attack => ({ ...attackNamed('older-release'), guard })

  it('shows that the attack gets through without its guard, and that what has to get through does not', async () => {
    const names = ['older-release', 'clock-mended', 'nothing-new-for-ever', 'other-image', 'empty-signature']
    const onSigners = ['one-manager-of-two', 'race-for-one-grant']
    const { code, out } = await run(attacks, [...names, ...onSigners, '--mutate'])
    expect(code).toBe(0)
    const played = out.slice(out.indexOf('without the guard')).replaceAll(/ {2,}/g, '  ').split('\n')
    expect(played.slice(1, 8)).toEqual([
      'other-image  device-sim/slots.ts  15  16 SLOT_MISMATCH  yes',
      'older-release  src/domain/trust/check-envelope.ts  13  CONFIRMED  yes',
      'empty-signature  src/domain/cose/verify.ts  12  CONFIRMED  yes',
      'nothing-new-for-ever  device-sim/poller.ts  9  0 NOTHING  yes',
      'clock-mended  src/domain/trust/accept-update.ts  -  5 ROOT_EXPIRED  yes',
      'one-manager-of-two  src/domain/trust/check-approvals.ts  12  SIGNED  yes',
      'race-for-one-grant  src/signer/release/sign-release.ts  16  SIGNED  yes',
    ])
  }, 240_000)

  it.each([
    ['makes no difference', [{ ...edit, replace: edit.find }], 'the guard makes no difference'],
    ['is not there', [{ ...edit, find: 'if (nobody)' }], 'the guard is 0 times in src/domain/trust/check-envelope.ts'],
    [
      'is there more than once',
      [{ ...edit, find: 'throw new Refusal' }],
      'times in src/domain/trust/check-envelope.ts',
    ],
    ['leaves no program behind', [{ ...edit, replace: 'if (' }], 'Build failed'],
    ['leaves a crash behind', [{ ...edit, replace: 'if (null.length)' }], 'TypeError'],
  ] as [string, Attack['guard'], string][])(
    'ends with 1 for a guard that %s',
    async (_, guard, message) => {
      const { code, out } = await run([without(guard)], ['--mutate'])
      expect(code).toBe(1)
      expect(out).toContain('1 attacks, 0 failed')
      expect(out).toContain(message)
    },
    240_000,
  )

  it('ends with 1 for an attack that ends otherwise than it says, further or not', async () => {
    const attack: Attack = { ...attackNamed('older-release'), unguarded: { step: 13, code: 'SEQUENCE_REUSED' } }
    const { code, out } = await run([attack], ['--mutate'])
    expect(code).toBe(1)
    expect(out).toContain('CONFIRMED          NO\n    expected step 13 SEQUENCE_REUSED without the guard')
  }, 240_000)
})
