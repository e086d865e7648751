import { expect, it } from '@jest/globals'
import { concat } from '../../src/domain/bytes.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import type { CborKey, CborValue } from '../../src/domain/cbor/value.js'
import { Refusal } from '../../src/domain/refusal.js'
import { GROWTH_FACTOR, growthOf } from '../support/growth.js'

const SMALL = 4_000
const limits = { maxBytes: 8_000_000, maxDepth: 16, maxItems: 8_000_000 }

const mapOf = (count: number, key: (index: number) => CborKey): Uint8Array =>
  encodeCbor(new Map(Array.from({ length: count }, (_, index): [CborKey, CborValue] => [key(index), index])))
const u32 = (index: number): Uint8Array => Uint8Array.of(index >> 24, index >> 16, index >> 8, index)
const headOf = (major: number, count: number): Uint8Array => concat(Uint8Array.of((major << 5) | 26), u32(count))
const repeat = (count: number, item: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: count * item.length }, (_, index) => item[index % item.length] ?? 0)

const shapes: readonly (readonly [name: string, make: (count: number) => Uint8Array])[] = [
  ['an array of integers', (count) => concat(headOf(4, count), repeat(count, [0]))],
  ['an array of empty arrays', (count) => concat(headOf(4, count), repeat(count, [0x80]))],
  ['an array of empty maps', (count) => concat(headOf(4, count), repeat(count, [0xa0]))],
  ['an array whose last item is missing', (count) => concat(headOf(4, count + 1), repeat(count, [0]))],
  ['a map of integers', (count) => mapOf(count, (index) => index)],
  ['a map of names', (count) => mapOf(count, (index) => `name-${index}`)],
  ['a map whose keys differ in their last bytes', (count) => mapOf(count, (i) => concat(new Uint8Array(60), u32(i)))],
  ['one long text', (count) => concat(headOf(3, count * 8), repeat(count * 8, [0x61]))],
  ['one long text of two-byte characters', (count) => concat(headOf(3, count * 8), repeat(count * 4, [0xc3, 0xa9]))],
]

const readsOrRefuses = (bytes: Uint8Array) => (): void => {
  try {
    decodeCbor(bytes, limits)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
}

it.each(shapes)(
  'reads %s in time that grows with its size',
  (_, make) => {
    expect(growthOf(readsOrRefuses(make(SMALL)), readsOrRefuses(make(SMALL * GROWTH_FACTOR)))).toBe('linear')
  },
  120_000,
)

it('would see work that grows with the square', () => {
  const squares = (count: number) => (): number => {
    let sum = 0
    for (let i = 0; i < count; i += 1) for (let j = 0; j < count; j += 1) sum += (i ^ j) & 1
    return sum
  }
  expect(growthOf(squares(800), squares(800 * GROWTH_FACTOR))).not.toBe('linear')
}, 120_000)

it('takes no memory for what is only claimed', () => {
  const claims = Array.from({ length: 1_000 }, () => Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0))
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
  for (const bytes of claims) expect(() => decodeCbor(bytes, limits)).toThrow(Refusal)
  const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
  expect(after - before).toBeLessThan(64 * 1024 * 1024)
})
