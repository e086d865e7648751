import { createHash } from 'node:crypto'
import { readFileSync, readSync } from 'node:fs'
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

/** Hex, of all that is there. */
export function sha256Of(source: ByteSource): string {
  const hash = createHash('sha256')
  const piece = new Uint8Array(1_048_576)
  for (let at = 0; at < source.sizeBytes;) {
    const count = source.readInto(piece, at)
    if (count === 0) break
    hash.update(piece.subarray(0, count))
    at += count
  }
  return hash.digest('hex')
}

/** Most memory that this process held, in KiB; null where the system does not tell (proc(5), VmHWM, of Linux alone). */
export function findPeakRssKb(): number | null {
  try {
    const text = readFileSync('/proc/self/status', 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) || null
  } catch {
    return null
  }
}
