import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { toHex } from '../../src/domain/bytes.js'
import { Refusal } from '../../src/domain/refusal.js'
import { documentTable } from './document-table.js'
import { Dice, mutate } from './mutate.js'
import { mutateValue } from './mutate-value.js'

describe.each(documentTable.map((row) => [row.name, row] as const))('%s', (_, { values, encode, parse }) => {
  const write = encode as (value: unknown) => Uint8Array

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(values, (value) => expect(parse(write(value))).toEqual(value)),
      { numRuns: 100 },
    )
  })

  it('has one form in bytes: whatever is accepted would be written the same', () => {
    let accepted = 0
    fc.assert(
      fc.property(values, values, fc.integer(), (value, other, seed) => {
        const dice = new Dice(seed)
        const changed = dice.below(2) === 0 ? mutateValue(write(value), dice) : null
        const bytes = changed ?? mutate(write(value), dice, [write(other)])
        try {
          const read = parse(bytes)
          accepted += 1
          expect(toHex(write(read))).toBe(toHex(bytes))
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
        }
      }),
      { numRuns: 500 },
    )
    // Mutations that nothing survives would prove nothing.
    expect(accepted).toBeGreaterThan(10)
  })
})
