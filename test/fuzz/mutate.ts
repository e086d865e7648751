/** A small generator (mulberry32): the same seed gives the same run, so a finding can be run again. */
export class Dice {
  constructor(private state: number) {}

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit)
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const chosen = list[this.below(list.length)]
    if (chosen === undefined) throw new RangeError('nothing to pick from')
    return chosen
  }
}

type Mutation = (bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]) => Uint8Array

const splice = (bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array =>
  new Uint8Array([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at + removed)])

const heads = [
  0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x3b, 0x40, 0x5b, 0x60, 0x7b, 0x80, 0x9b, 0xa0, 0xbb, 0xc0, 0xd2,
]
const oddHeads = [0xf4, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb, 0xff, 0x5f, 0x7f, 0x9f, 0xbf, 0x1c, 0x1f, 0xd8, 0xdb]

/** What goes wrong with CBOR, and what somebody would do to it: most leave a document that is nearly right. */
const mutations: readonly Mutation[] = [
  // One bit.
  (bytes, dice) => {
    const copy = Uint8Array.from(bytes)
    const at = dice.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << dice.below(8))
    return copy
  },
  // Another kind of item, or another length.
  (bytes, dice) => {
    const copy = Uint8Array.from(bytes)
    copy[dice.below(copy.length)] = dice.pick(dice.below(2) === 0 ? heads : oddHeads)
    return copy
  },
  // Neighbouring integers: counts off by one, keys out of order.
  (bytes, dice) => {
    const copy = Uint8Array.from(bytes)
    const at = dice.below(copy.length)
    copy[at] = (copy[at] ?? 0) + (dice.below(2) === 0 ? 1 : 255)
    return copy
  },
  // The same number in more bytes than it needs.
  (bytes, dice) => {
    const at = dice.below(bytes.length)
    const head = bytes[at] ?? 0
    const info = head & 0x1f
    const wider = info < 24 ? [(head & 0xe0) | 24, info] : [head + 1, ...new Uint8Array(2 ** (info & 3))]
    return splice(bytes, at, 1, Uint8Array.from(wider))
  },
  // Cut short, or something added.
  (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1)),
  (bytes, dice) => splice(bytes, dice.below(bytes.length + 1), 0, Uint8Array.of(dice.below(256))),
  (bytes, dice) => splice(bytes, dice.below(bytes.length), 1 + dice.below(4), new Uint8Array(0)),
  // A claim of far more than there is.
  (bytes, dice) => {
    const claim = Uint8Array.of(dice.pick([0x5b, 0x7b, 0x9b, 0xbb]), 0, 0, 0, dice.below(256), 255, 255, 255, 255)
    return splice(bytes, dice.below(bytes.length), dice.below(2), claim)
  },
  // Nested far too deep.
  (bytes, dice) => splice(bytes, dice.below(bytes.length), 0, new Uint8Array(dice.below(5_000)).fill(0x81)),
  // A part of it twice, or a part of another document.
  (bytes, dice) => {
    const start = dice.below(bytes.length)
    return splice(bytes, dice.below(bytes.length), 0, bytes.slice(start, start + dice.below(80)))
  },
  (bytes, dice, others) => {
    const other = dice.pick(others)
    const start = dice.below(other.length)
    return splice(bytes, dice.below(bytes.length), dice.below(40), other.slice(start, start + dice.below(120)))
  },
]

/** One to three mutations of `bytes`. */
export function mutate(bytes: Uint8Array, dice: Dice, others: readonly Uint8Array[]): Uint8Array {
  let mutated = bytes
  for (let times = 1 + dice.below(3); times > 0; times -= 1)
    if (mutated.length > 0) mutated = dice.pick(mutations)(mutated, dice, others)
  return mutated
}
