import type { Findings } from '../../../src/inspect/findings.js'
import { inspectFirmware } from '../../../src/inspect/inspect.js'
import type { EmbeddedKey } from '../../../src/inspect/key-ring.js'
import { sourceOf } from '../../../src/inspect/reader.js'
import type { SignatureKey } from './sample.js'

type Registered = EmbeddedKey | SignatureKey

/** Findings about bytes, today, with these keys registered. */
export const inspectBytes = (bytes: Uint8Array, ...keys: readonly Registered[]): Promise<Findings> =>
  inspectFirmware(
    sourceOf(bytes),
    keys.map((key) => ('registered' in key ? key.registered : key)),
    Math.floor(Date.now() / 1_000),
  )

/** A copy with some bytes replaced. */
export function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy.set(values, at < 0 ? bytes.length + at : at)
  return copy
}

/** Where `part` begins. */
export function placeOf(bytes: Uint8Array, part: Uint8Array | string): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part)
  if (at === -1) throw new Error('not in there')
  return at
}
