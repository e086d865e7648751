import { readSync } from 'node:fs'
import type { ByteSource } from './reader.js'

/** An open file as a source. Whoever opened it closes it. */
export const fileSource = (descriptor: number, sizeBytes: number): ByteSource => ({
  sizeBytes,
  readInto: (target, at) => {
    let filled = 0
    while (filled < target.length) {
      const count = readSync(descriptor, target, filled, target.length - filled, at + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  },
})
