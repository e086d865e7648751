import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { CborTag, type CborKey, type CborValue } from '../../src/domain/cbor/value.js'
import type { Dice } from './mutate.js'

const limits = { maxBytes: 100_000, maxDepth: 16, tags: [18, 98, 107] }

/** Values at the edges of what our documents admit. */
const edges: readonly CborValue[] = [
  0,
  1,
  -1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  '',
  'gateway/prod',
  'x'.repeat(65),
  new Uint8Array(0),
  new Uint8Array(16),
  new Uint8Array(32),
  new Uint8Array(33),
  [],
  new Map(),
  null,
  true,
]

/**
 * Changes one place in what the bytes say and writes it down canonically, so that the change gets past the decoder
 * to whoever gives the members their meaning. Documents inside byte strings are entered too.
 * @returns null for bytes that are no CBOR of ours.
 */
export function mutateValue(bytes: Uint8Array, dice: Dice): Uint8Array | null {
  try {
    return encodeCbor(change(decodeCbor(bytes, limits), dice))
  } catch {
    // Not decodable, or the change made two keys equal: another mutation may do.
    return null
  }
}

function change(value: CborValue, dice: Dice): CborValue {
  if (dice.below(6) === 0) return dice.pick(edges)
  if (typeof value === 'number') return value + dice.pick([1, -1, 1_000])
  if (typeof value === 'string') return value.slice(dice.below(2)) + dice.pick(['', 'x', '/'])
  if (value instanceof Uint8Array) return changeBytes(value, dice)
  if (value instanceof CborTag) return new CborTag(value.tag, change(value.value, dice))
  if (value instanceof Map) return changeMap(value, dice)
  return Array.isArray(value) ? changeArray(value as readonly CborValue[], dice) : value
}

function changeBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  const inside = dice.below(4) === 0 ? null : mutateValue(bytes, dice)
  if (inside !== null) return inside
  const copy = Uint8Array.from(bytes)
  if (copy.length > 0) copy[dice.below(copy.length)] = dice.below(256)
  return dice.below(3) === 0 ? copy.slice(1) : copy
}

function changeArray(items: readonly CborValue[], dice: Dice): CborValue[] {
  const at = dice.below(items.length + 1)
  const item = items[at]
  if (item === undefined) return [...items, dice.pick(edges)]
  // Left out, twice, or changed.
  return items.toSpliced(at, 1, ...dice.pick([[], [item, item], [change(item, dice)], [change(item, dice)]]))
}

function changeMap(map: ReadonlyMap<CborKey, CborValue>, dice: Dice): CborValue {
  const pairs = [...map]
  const at = dice.below(pairs.length + 1)
  const pair = pairs[at]
  if (pair === undefined) return new Map([...pairs, [dice.below(30), dice.pick(edges)]])
  const [key, value] = pair
  if (dice.below(8) === 0) return new Map(pairs.toSpliced(at, 1))
  if (dice.below(8) === 0) return new Map(pairs.toSpliced(at, 1, [change(key, dice) as CborKey, value]))
  return new Map(pairs.toSpliced(at, 1, [key, change(value, dice)]))
}
