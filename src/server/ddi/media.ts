import { encodeWireValue, type WireValue } from '../../protocol/wire-cbor.js'

/** What answers can be written in; the first is what a client gets that does not say. */
const media = ['application/hal+json', 'application/json', 'application/cbor'] as const
export type DdiMedia = (typeof media)[number]

/** Clients of one kind send one header: what was found for it is kept. */
const known = new Map<string, DdiMedia | null>()
const MAX_KNOWN = 64

/** @returns the kind that an `Accept` header (RFC 9110 §12.5.1) likes best; null when it likes none of ours. */
export function chooseMedia(accept: string | undefined): DdiMedia | null {
  if (accept === undefined || accept === '') return media[0]
  const before = known.get(accept)
  if (before !== undefined) return before
  const chosen = chooseAmong(accept)
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(accept, chosen)
  return chosen
}

function chooseAmong(accept: string): DdiMedia | null {
  const ranges = accept.split(',').map((part) => {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase())
    const q = parameters.find((each) => each.startsWith('q='))?.slice(2)
    return { name, weight: q === undefined ? 1 : Number(q) || 0 }
  })
  /** The most specific range that fits decides about a kind. */
  const weightOf = (type: DdiMedia): number =>
    [type, 'application/*', '*/*'].map((name) => ranges.find((range) => range.name === name)).find(Boolean)?.weight ?? 0
  const best = media.map((type) => ({ type, weight: weightOf(type) })).toSorted((a, b) => b.weight - a.weight)[0]
  return best === undefined || best.weight === 0 ? null : best.type
}

export const encodeAs = (type: DdiMedia, value: WireValue): string | Buffer =>
  type === 'application/cbor' ? Buffer.from(encodeWireValue(value)) : JSON.stringify(value)
