import { expect, it } from '@jest/globals'
import { concat } from '../../src/domain/bytes.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { Refusal } from '../../src/domain/refusal.js'
import { readers } from './readers.js'
import { makeSignedSamples } from './signed-samples.js'

// Bytes that cost a reader the most for their size, at and above the largest size that anything here may have.
const MEGABYTE = 1_048_576
const sizes = [65_536, MEGABYTE, 4 * MEGABYTE]
const u32 = (count: number): Uint8Array => Uint8Array.of(count >> 24, count >> 16, count >> 8, count)

/** A head, then one byte again and again; an item of each of those has an object of its own in memory. */
const fills: readonly (readonly [name: string, fill: number])[] = [
  ['empty maps', 0xa0],
  ['empty arrays', 0x80],
  ['empty byte strings', 0x40],
  ['empty texts', 0x60],
  ['integers', 0x00],
  ['arrays in arrays', 0x81],
  ['tags in tags', 0xd2],
]
const arrayOf = (size: number, fill: number): Uint8Array =>
  concat(Uint8Array.of(0x9a), u32(size - 5), new Uint8Array(size - 5).fill(fill))

/** Where such bytes can stand: alone, as a member of a map, in a COSE object beside what belongs there. */
const places: readonly (readonly [name: string, around: (inner: Uint8Array) => Uint8Array])[] = [
  ['alone', (inner) => inner],
  ['in a map', (inner) => concat(Uint8Array.of(0xa1, 0x00), inner)],
  ['in a COSE_Sign1', (inner) => concat(Uint8Array.of(0xd2, 0x84, 0x40, 0xa0, 0x40), inner)],
  ['in a COSE_Sign', (inner) => concat(Uint8Array.of(0xd8, 0x62, 0x84, 0x40, 0xa0, 0x40), inner)],
  ['in an envelope', (inner) => concat(Uint8Array.of(0xd8, 0x6b, 0xa1, 0x02), inner)],
  ['in a byte string', (inner) => concat(Uint8Array.of(0xa1, 0x01), encodeCbor(inner))],
]

const heapBytes = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** What a call leaves behind, used or thrown away; asked again when the engine collected in between. */
async function costOf(call: () => Promise<void>): Promise<number> {
  for (let tries = 0; tries < 20; tries += 1) {
    const before = heapBytes()
    await call()
    const cost = heapBytes() - before
    if (cost >= 0) return cost
  }
  throw new Error('the engine collected each time')
}

// Signed documents at once, so that the checks in front of the readers count too.
const opened = (await makeSignedSamples()).map(({ name, open }) => ({ name: `signed ${name}`, read: open }))

const kinds = fills.flatMap(([what, fill]) => places.map(([where, around]) => ({ what, where, fill, around })))

it.each(kinds)('$what $where: every reader refuses them, within 16 MB', async ({ fill, around }) => {
  const dear: string[] = []
  for (const size of sizes) {
    const bytes = around(arrayOf(size, fill))
    for (const { name, read } of [...readers, ...opened]) {
      const cost = await costOf(async () => {
        // Nothing but a refusal: a stack that is used up or a wrong type would be another error.
        await expect(async () => read(bytes)).rejects.toThrow(Refusal)
      })
      if (cost > 16_000_000) dear.push(`${name}, ${size} bytes: ${cost}`)
    }
  }
  expect(dear).toEqual([])
})
