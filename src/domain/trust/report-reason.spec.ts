import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { RefusalCode } from '../refusal.js'
import { reasonOf, wordOfReason } from './report-reason.js'

const judge = join(import.meta.dirname, 'accept-update.ts')
const payload = join(import.meta.dirname, '../../../device-sim/slots.ts')

/** A file and everything it imports as code, by path. */
function filesUnder(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, target = ''] of readFileSync(path, 'utf8').matchAll(/^import (?!type).*?from '(\.[^']+)\.js'$/gms))
    filesUnder(join(dirname(path), `${target}.ts`), seen)
  return seen
}

describe('the reason of a report', () => {
  it('has a number of its own for every code that judging and storing an update can throw', () => {
    const files = [...filesUnder(judge), ...filesUnder(payload)]
    const thrown = files.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/new Refusal\('([A-Z_]+)'/g)].map(([, code = '']) => [
        relative(import.meta.dirname, path),
        code,
      ]),
    )
    expect(thrown.length).toBeGreaterThan(40)
    const missing = thrown.filter(([, code = '']) => reasonOf(code as RefusalCode) === 11)
    expect(missing).toEqual([])
  })

  it.each([
    ['CBOR_TOO_LARGE', 1, 'CBOR_MALFORMED'],
    ['SIGNATURE_INVALID', 4, 'SIGNATURE_INVALID'],
    ['KEY_REVOKED', 69, 'KEY_REVOKED'],
    ['HEALTH_GATE_FAILED', 112, 'HEALTH_GATE_FAILED'],
    ['PORT_BUSY', 11, 'OPERATION_FAILED'],
  ] as const)('writes %s as %i and reads it as %s', (code, reason, word) => {
    expect(reasonOf(code)).toBe(reason)
    expect(wordOfReason(reason)).toBe(word)
  })

  it('keeps a number that it does not know', () => expect(wordOfReason(4_711)).toBe('REASON_4711'))
})
