import type { CborValue } from '../domain/cbor/value.js'
import type { Fields } from '../domain/trust/fields.js'

/** A byte string of 1 to `maxBytes` bytes: a signed document, to be opened by who believes nothing of it yet. */
export const readBlob =
  (fields: Fields, maxBytes: number) =>
  (key: number | string): Uint8Array =>
    asBlob(fields, key, fields.value(key), maxBytes)

export function asBlob(fields: Fields, key: number | string, value: CborValue, maxBytes: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length > maxBytes)
    throw fields.refusal(key, `not 1 to ${maxBytes} bytes`)
  return value
}

/** An array of at most `maxItems`, each read by `read`. */
export function readArray<T>(
  fields: Fields,
  key: string,
  maxItems: number,
  read: (value: CborValue) => T,
): readonly T[] {
  const items = fields.array(key)
  if (items.length > maxItems) throw fields.refusal(key, `more than ${maxItems} items`)
  return items.map(read)
}
