import { expect, it } from '@jest/globals'
import { Refusal } from '../../src/domain/refusal.js'
import { makeSignedSamples } from './signed-samples.js'

const samples = await makeSignedSamples()

it.each(samples.map((sample) => [sample.name, sample] as const))(
  'accepts a good %s, and none with one bit flipped',
  async (_, { bytes, open }) => {
    await open(bytes)
    const flipped = Uint8Array.from(bytes)
    const accepted: number[] = []
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const [at, mask] = [bit >> 3, 1 << (bit & 7)]
      flipped[at] = (bytes[at] ?? 0) ^ mask
      try {
        await open(flipped)
        accepted.push(bit)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
      }
      flipped[at] = bytes[at] ?? 0
    }
    expect(accepted).toEqual([])
  },
  60_000,
)
