import { writeSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { toHex } from '../../src/domain/bytes.js'
import { firmwareFormats } from '../../src/domain/trust/firmware-formats.js'
import type { Findings } from '../../src/inspect/findings.js'
import { inspectFirmware, READER_FAILED } from '../../src/inspect/inspect.js'
import { sourceOf } from '../../src/inspect/reader.js'
import { withinCpuMs } from '../support/cpu-time.js'
import { makeSamples } from '../support/firmware/samples.js'
import { mutateFirmware } from './firmware-mutations.js'
import { Dice } from './mutate.js'

const seconds = Number(process.env['FUZZ_SECONDS'] ?? 2)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 0x7fff_ffff)
const NOW = Math.floor(Date.now() / 1_000)

/** One inspection may cost this much processor time, whatever it is given. */
const slackMs = 2_000
/** However busy the machine is, so many are tried. */
const leastInputs = 80
/** What findings may come to, stored and shown. */
const findingsLimit = 32_768

it(
  'finds something in whatever it is given, in bounded time and words, and no reader fails',
  async () => {
    const dice = new Dice(seed)
    const samples = await makeSamples(1_500)
    const keys = [...new Map(samples.flatMap((sample) => sample.keys).map((key) => [key.id, key])).values()]
    const reached = new Map<string, number>()
    let inputs = 0
    for (
      const end = performance.now() + seconds * 1_000;
      inputs < leastInputs || performance.now() < end;
      inputs += 1
    ) {
      const sample = dice.pick(samples)
      const bytes = mutateFirmware(sample, samples, dice)
      const where = (): string => `seed ${seed}, from ${sample.name}: ${toHex(bytes)}`
      const inspect = (): Promise<Findings> =>
        inspectFirmware(sourceOf(bytes), keys, NOW).catch((error: unknown) => {
          throw new Error(`thrown at ${where()}`, { cause: error })
        })
      const found = await withinCpuMs(slackMs, inspect, where)
      requireSound(found, where)
      const kind = `${found.format} ${found.state}`
      reached.set(kind, (reached.get(kind) ?? 0) + 1)
    }
    writeSync(2, `fuzz: ${JSON.stringify({ seed, seconds, inputs, reached: reached.size })}\n`)
    // A run whose inputs are all unknown looks at nothing.
    const known = [...reached]
      .filter(([kind]) => !kind.startsWith('unknown'))
      .reduce((sum, [, count]) => sum + count, 0)
    expect(known).toBeGreaterThan(inputs / 3)
    expect([...reached.keys()].some((kind) => kind.endsWith('unreadable'))).toBe(true)
  },
  (seconds + 300) * 1_000,
)

function requireSound(found: Findings, where: () => string): void {
  const text = JSON.stringify(found)
  if (!firmwareFormats.includes(found.format) || text.length > findingsLimit)
    throw new Error(`${text.length} characters of findings: ${where()}`)
  const failed = found.faults.find((fault) => fault.startsWith(READER_FAILED))
  if (failed !== undefined) throw new Error(`${failed}: ${where()}`)
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(Object.values(found.facts).join('') + found.faults.join('')))
    throw new Error(`control characters: ${where()}`)
}
