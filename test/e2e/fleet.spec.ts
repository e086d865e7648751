import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, it } from '@jest/globals'
import { ProgramRun } from '../support/program-run.js'

let run: ProgramRun
afterEach(() => run.dispose())

interface Result {
  readonly injected: Readonly<Record<string, number>>
  readonly accounts: readonly { readonly deployment: string; readonly group: string }[]
}

it('updates a fleet of which some crash, lose connections, boot badly, repeat themselves or come and go, and loses none', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'fleet-')), 'out.json')
  run = new ProgramRun('demo/fleet/main.js', ['--devices', '25', '--faults', '20%', '--json', out])
  const code = await run.ended
  expect({ code, tail: code === 0 ? '' : run.output.slice(-1_500) }).toEqual({ code: 0, tail: '' })
  const result = JSON.parse(readFileSync(out, 'utf8')) as Result
  rmSync(dirname(out), { recursive: true })
  expect(result).toMatchObject({
    devices: 25,
    faulty: 5,
    counts: { confirmed: 24, reverted: 1 },
    missing: [],
    differences: [],
  })
  expect(Object.values(result.injected).every((count) => count > 0)).toBe(true)
  expect(result.accounts.filter((each) => each.deployment === 'reverted').map((each) => each.group)).toEqual([
    'bad-boot',
  ])
  expect(run.leftovers()).toEqual([])
  expect(run.remains()).toEqual([])
}, 580_000)

it('says which option is wrong', async () => {
  run = new ProgramRun('demo/fleet/main.js', ['--faults', '90%'])
  expect(await run.ended).toBe(1)
  expect(run.output).toContain('"name":"--faults"')
})
