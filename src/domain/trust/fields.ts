import { decodeCbor, type CborLimits } from '../cbor/decode.js'
import type { CborKey, CborMap, CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** Reads one document member by member; what was not asked for when `finish` is called is refused. */
export class Fields {
  // Members of documents are numbered below 31, so a word of bits holds which were read; names are kept as a list.
  private readBits = 0
  private readonly readNames: string[] = []
  constructor(
    readonly document: string,
    private readonly map: CborMap,
  ) {}

  static open(document: string, payload: Uint8Array, limits: CborLimits): Fields {
    if (payload.length > limits.maxBytes)
      throw new Refusal('DOCUMENT_TOO_LARGE', { document, sizeBytes: payload.length, limitBytes: limits.maxBytes })
    const value = decodeCbor(payload, limits)
    if (!(value instanceof Map)) throw new Refusal('DOCUMENT_MALFORMED', { document, field: '', why: 'not a map' })
    return new Fields(document, value)
  }

  has(key: number | string): boolean {
    return this.map.has(key)
  }

  value(key: number | string): CborValue {
    if (typeof key === 'number') this.readBits |= 1 << key
    else this.readNames.push(key)
    const value = this.map.get(key)
    if (value === undefined) throw this.refusal(key, 'missing')
    return value
  }

  uint(key: number | string): number {
    return this.asUint(key, this.value(key))
  }

  text(key: number | string, maxLength = 128): string {
    return this.asText(key, this.value(key), maxLength)
  }

  bytes(key: number | string, length: number): Uint8Array {
    return this.asBytes(key, this.value(key), length)
  }

  array(key: number | string): readonly CborValue[] {
    return this.asArray(key, this.value(key))
  }

  entries(key: number | string): CborMap {
    const value = this.value(key)
    if (!(value instanceof Map)) throw this.refusal(key, 'not a map')
    return value as CborMap
  }

  /** The member when it is there, else undefined. */
  optional<T>(key: number | string, read: (key: number | string) => T): T | undefined {
    return this.has(key) ? read(key) : undefined
  }

  asUint(key: number | string, value: CborValue | undefined): number {
    if (typeof value !== 'number' || value < 0) throw this.refusal(key, 'not an unsigned integer')
    return value
  }

  asText(key: number | string, value: CborValue | undefined, maxLength = 128): string {
    if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
      throw this.refusal(key, `not a text of 1 to ${maxLength} characters`)
    return value
  }

  asBytes(key: number | string, value: CborValue | undefined, length: number): Uint8Array {
    if (!(value instanceof Uint8Array) || value.length !== length) throw this.refusal(key, `not ${length} bytes`)
    return value
  }

  asArray(key: number | string, value: CborValue | undefined, length?: number): readonly CborValue[] {
    if (!Array.isArray(value) || (length !== undefined && value.length !== length))
      throw this.refusal(key, length === undefined ? 'not an array' : `not an array of ${length}`)
    return value as readonly CborValue[]
  }

  /** Format version 1 and the namespace: members 1 and 2 of every document. */
  header(): string {
    if (this.uint(1) !== 1) throw this.refusal(1, 'unknown format version')
    const namespace = this.text(2)
    if (!isNamespace(namespace)) throw this.refusal(2, 'not a namespace')
    return namespace
  }

  finish(): void {
    for (const key of this.map.keys()) if (!this.wasRead(key)) throw this.refusal(String(key), 'unknown member')
  }

  private wasRead(key: CborKey): boolean {
    if (typeof key === 'number') return key >= 0 && key < 31 && (this.readBits & (1 << key)) !== 0
    return typeof key === 'string' && this.readNames.includes(key)
  }

  refusal(key: number | string, why: string): Refusal {
    return new Refusal('DOCUMENT_MALFORMED', { document: this.document, field: String(key), why })
  }
}

/** `product/environment`, each 1 to 32 of a–z, 0–9 and "-". */
export const isNamespace = (text: string): boolean => /^[a-z0-9-]{1,32}\/[a-z0-9-]{1,32}$/.test(text)
