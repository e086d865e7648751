import { writeSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { compareBytes, toHex } from '../../src/domain/bytes.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { Refusal } from '../../src/domain/refusal.js'
import { withinCpuMs } from '../support/cpu-time.js'
import { documentTable } from './document-table.js'
import { Dice, mutate } from './mutate.js'
import { mutateValue } from './mutate-value.js'
import { readers, type Reader } from './readers.js'
import { makeSignedSamples } from './signed-samples.js'

// `npm run fuzz` gives a minute and may name the seed of an earlier run; among the other tests two seconds must do.
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 2)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 0x7fff_ffff)

/** A call of a reader may cost this much processor time, whatever it is given. */
const slackMs = 250
const perByteMs = 0.01
/** However busy the machine is, so many are tried. */
const leastInputs = 200

/** Bytes to start from, and who reads them in earnest. */
interface Start {
  readonly bytes: Uint8Array
  readonly reader: Reader
}

it(
  'throws nothing but refusals at mutated documents, and takes no longer than their size allows',
  async () => {
    const dice = new Dice(seed)
    const signed = (await makeSignedSamples()).map(({ name, bytes, open }) => ({ bytes, reader: { name, read: open } }))
    const starts: Start[] = [...signed, ...plainDocuments()]
    const goesOn = (end: number): boolean => tally.inputs < leastInputs || performance.now() < end
    const tally = { inputs: 0, accepted: 0, refused: 0 }
    for (const end = performance.now() + seconds * 1000; goesOn(end); tally.inputs += 1) {
      const start = dice.pick(starts)
      const bytes = mutateSomehow(start, starts, dice)
      const reader = dice.below(4) === 0 ? dice.pick(readers) : start.reader
      const where = `seed ${seed}, ${reader.name} of ${toHex(bytes)}`
      const accepted = await isAccepted(() => reader.read(bytes), bytes.length, where)
      tally[accepted ? 'accepted' : 'refused'] += 1
      requireOneForm(bytes, where)
      // What got through is a place to go on from.
      if (accepted && starts.length < 2_000 && bytes.length < 4_096) starts.push({ bytes, reader })
    }
    writeSync(2, `fuzz: ${JSON.stringify({ seed, seconds, ...tally })}\n`)
    // A run whose inputs all stop at the first byte looks at nothing.
    expect(tally.accepted).toBeGreaterThan(tally.inputs / 50)
  },
  (seconds + 300) * 1000,
)

const plainDocuments = (): Start[] =>
  documentTable.flatMap(({ name, values, encode, parse }) =>
    fc.sample(values, { numRuns: 20, seed }).map((value) => ({
      bytes: (encode as (value: unknown) => Uint8Array)(value),
      reader: { name, read: parse },
    })),
  )

function mutateSomehow({ bytes }: Start, starts: readonly Start[], dice: Dice): Uint8Array {
  const changed = dice.below(2) === 0 ? mutateValue(bytes, dice) : null
  return changed ?? mutate(bytes, dice, [dice.pick(starts).bytes])
}

function isAccepted(read: () => unknown, sizeBytes: number, where: string): Promise<boolean> {
  return withinCpuMs(
    slackMs + sizeBytes * perByteMs,
    () => isAcceptedAtAll(read, where),
    () => where,
  )
}

async function isAcceptedAtAll(read: () => unknown, where: string): Promise<boolean> {
  try {
    await read()
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw new Error(`not a refusal: ${where}`, { cause: error })
  }
}

/** The bare decoder: what it accepts is the one encoding of what it read. */
function requireOneForm(bytes: Uint8Array, where: string): void {
  try {
    const value = decodeCbor(bytes, { maxBytes: 100_000, maxDepth: 8, tags: [18, 98, 107] })
    if (compareBytes(encodeCbor(value), bytes) !== 0) throw new Error(`a second encoding: ${where}`)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
}
