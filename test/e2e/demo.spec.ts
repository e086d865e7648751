import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { DemoResult } from '../../demo/result.js'
import { checkJournal } from '../../src/cli/journal-check.js'
import { lastUsedByte } from '../../src/domain/journal/journal-tail.js'
import { Refusal } from '../../src/domain/refusal.js'
import { ProgramRun } from '../support/program-run.js'

const readRoot = (folder: string): Uint8Array => new Uint8Array(readFileSync(join(folder, 'root-1.cbor')))

/**
 * Of the records every byte of the first and the last 500 and every 17th between is changed, one at a time, and some of the room
 * behind them. @returns where nobody noticed.
 */
function unnoticedChanges(folder: string, name: string): number[] {
  const whole = new Uint8Array(readFileSync(join(folder, name)))
  const used = lastUsedByte(whole)
  // Not all of the room: it is all alike, and each change is a whole verification.
  const bytes = whole.subarray(0, used + 600)
  const copy = join(folder, 'changed')
  const root = readRoot(folder)
  const ends = (at: number): boolean => at < 500 || at >= used - 500
  const places = [...bytes.keys()].filter((at) => ends(at) || at % 17 === 0)
  expect(places.length).toBeGreaterThan(1_000)
  return places.filter((at) => {
    const changed = new Uint8Array(bytes)
    // Another bit from place to place.
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    writeFileSync(copy, changed)
    try {
      checkJournal(copy, root)
      return true
    } catch (error) {
      if (error instanceof Refusal) return false
      throw error
    }
  })
}

let run: ProgramRun
afterEach(() => run.dispose())

describe('the demo', () => {
  it('brings a firmware file to confirmed boots, refuses every attack for its reason, survives a compromise', async () => {
    const out = join(mkdtempSync(join(tmpdir(), 'demo-')), 'out.json')
    run = new ProgramRun('demo/main.js', ['--devices', '12', '--json', out, '--journals', dirname(out)])
    const code = await run.ended
    expect({ code, tail: code === 0 ? '' : run.output.slice(-1_500) }).toEqual({ code: 0, tail: '' })
    const result = JSON.parse(readFileSync(out, 'utf8')) as DemoResult
    expect(result).toMatchObject({ devices: 12, confirmed: 11, reverted: 1, sandbox: true, leftProcesses: 0 })
    expect(result.refusals.map(({ refusedBy, code: why, step }) => [refusedBy, why, step])).toEqual([
      ['device', 'PAYLOAD_MISMATCH', 15],
      ['device', 'DIGEST_MISMATCH', 11],
      ['device', 'SIGNATURE_MISSING', 12],
      ['device', 'ROLLBACK', 13],
      ['device', 'WRONG_CLASS', 13],
      ['release signer', 'SUBMISSION_MISMATCH', 7],
      ['release signer', 'APPROVALS_MISSING', 12],
      ['release signer', 'QUORUM_NOT_MET', 12],
      ['release signer', 'APPROVER_REPEATED', 12],
      ['online signer', 'PACE_EXCEEDED', 24],
      ['device', 'KEY_REVOKED', 12],
    ])
    for (const name of ['release', 'online'] as const) {
      const { index } = checkJournal(join(dirname(out), `${name}.journal`), readRoot(dirname(out))).head
      expect(index).toBeGreaterThanOrEqual(result.journals[name])
      expect(unnoticedChanges(dirname(out), `${name}.journal`)).toEqual([])
    }
    rmSync(dirname(out), { recursive: true })
    expect(result.revocation.acknowledged).toBeGreaterThanOrEqual(12)
    expect(run.leftovers()).toEqual([])
    expect(run.remains()).toEqual([])
  }, 280_000)

  it('ends every process it started on Ctrl-C', async () => {
    run = new ProgramRun('demo/main.js', ['--devices', '10'])
    await run.printed('both signers are up')
    expect(run.leftovers().length).toBeGreaterThan(3)
    run.signal('SIGINT')
    expect(await run.ended).toBe(130)
    expect(run.leftovers()).toEqual([])
    expect(run.remains()).toEqual([])
  }, 120_000)
})
