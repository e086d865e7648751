/** A tag (RFC 8949 §3.4) around one value. */
export class CborTag {
  constructor(
    readonly tag: number,
    readonly value: CborValue,
  ) {}
}

/** Map keys we admit: integers, text and byte strings. */
export type CborKey = number | string | Uint8Array

/** Keeps the order of the bytes. Byte-string keys are found by iterating, integer and text keys also by `get`. */
export type CborMap = ReadonlyMap<CborKey, CborValue>

/** The data model of our documents: integers |n| ≤ 2^53−1, no floats, no undefined (RFC 8949 §4.2.1). */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | CborTag

/** Builds a map from pairs; pairs whose value is undefined are left out, so optional members read naturally. */
export function cborMap(pairs: Iterable<readonly [CborKey, CborValue | undefined]>): CborMap {
  const map = new Map<CborKey, CborValue>()
  for (const [key, value] of pairs) if (value !== undefined) map.set(key, value)
  return map
}
