import { concat, utf8 } from '../bytes.js'

// The few types of DER (X.690) that a certificate is made of. Writing only: what we are given is never read as DER.
const [BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT_ID, UTF8_STRING] = [0x01, 0x02, 0x03, 0x04, 0x06, 0x0c]
const [UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET] = [0x17, 0x18, 0x30, 0x31]
const CONTEXT = 0x80
const CONSTRUCTED = 0x20

function lengthOf(count: number): Uint8Array {
  if (count < 0x80) return Uint8Array.of(count)
  if (count < 0x100) return Uint8Array.of(0x81, count)
  return Uint8Array.of(0x82, count >> 8, count & 0xff)
}

/** @param content at most 65,535 bytes; no certificate of ours is longer. */
function tagged(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const bytes = concat(...content)
  if (bytes.length > 0xffff) throw new Error('too long for a certificate')
  return concat(Uint8Array.of(tag), lengthOf(bytes.length), bytes)
}

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => tagged(SEQUENCE, ...items)
export const set = (...items: readonly Uint8Array[]): Uint8Array => tagged(SET, ...items)
export const boolean = (value: boolean): Uint8Array => tagged(BOOLEAN, Uint8Array.of(value ? 0xff : 0))
export const octets = (bytes: Uint8Array): Uint8Array => tagged(OCTET_STRING, bytes)
export const text = (value: string): Uint8Array => tagged(UTF8_STRING, utf8(value))
/** `[number]` around a whole value, or in place of its tag. */
export const explicit = (number: number, item: Uint8Array): Uint8Array => tagged(CONTEXT | CONSTRUCTED | number, item)
export const implicit = (number: number, content: Uint8Array): Uint8Array => tagged(CONTEXT | number, content)

/** @param bytes big-endian, not negative; leading zeros are dropped, one is added where the first bit would be a sign. */
export function integer(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first === -1 ? Uint8Array.of(0) : bytes.subarray(first)
  const sign = (significant[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0)
  return tagged(INTEGER, sign, significant)
}

/** @param unusedBits of the last byte. */
export const bits = (bytes: Uint8Array, unusedBits = 0): Uint8Array =>
  tagged(BIT_STRING, Uint8Array.of(unusedBits), bytes)

/** `1.2.840.10045.2.1` */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(OBJECT_ID, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(part: number): number[] {
  const digits = [part & 0x7f]
  for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left & 0x7f))
  return digits
}

/** Years up to 2049 have two digits (RFC 5280 §4.1.2.5). @param seconds since the epoch. */
export function time(seconds: number): Uint8Array {
  const digits = new Date(seconds * 1_000).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  return Number(digits.slice(0, 4)) < 2050
    ? tagged(UTC_TIME, utf8(`${digits.slice(2)}Z`))
    : tagged(GENERALIZED_TIME, utf8(`${digits}Z`))
}
