import { createHash, hash, timingSafeEqual } from 'node:crypto'

const encoder = new TextEncoder()

/** Bytes of `text` in UTF-8. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > hexInput.length)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  hexInput.set(bytes)
  return hexInput.toString('hex', 0, bytes.length)
}
/** Ids and digests are copied here first: a buffer around them would cost twice as much as reading them. */
const hexInput = Buffer.alloc(64)

/** @returns the bytes, or null when `text` is not an even number of hex digits. */
export function findHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** Like `findHex`, for constants and values that were checked before; throws a RangeError on anything else. */
export function fromHex(text: string): Uint8Array {
  const bytes = findHex(text)
  if (bytes === null) throw new RangeError('not hexadecimal')
  return bytes
}

/** base64url without padding (RFC 4648 §5). */
export const toBase64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/** @returns the bytes, or null when `text` is not canonical unpadded base64url. */
export function findBase64Url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  // A second spelling of the same bytes (stray bits in the last character) is refused.
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : null
}

const POOL_BYTES = 8_192
let pool = new ArrayBuffer(POOL_BYTES)
let poolAt = 0

/** Zeros for the caller to fill. Middling ones share a buffer: one of their own would cost ten times as much. */
export function allocateBytes(length: number): Uint8Array {
  // The engine keeps the smallest beside its objects, and the largest are worth their own buffer.
  if (length <= 64 || length > 1_024) return new Uint8Array(length)
  if (poolAt + length > POOL_BYTES) {
    pool = new ArrayBuffer(POOL_BYTES)
    poolAt = 0
  }
  const bytes = new Uint8Array(pool, poolAt, length)
  poolAt += length
  return bytes
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = allocateBytes(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Constant-time for equal lengths; a different length is no secret here. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

/** Bytewise lexicographic order, as RFC 8949 §4.2.1 sorts map keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  // Short keys that differ early: a loop here is cheaper than a call out of the engine.
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // As text of one character a byte: for a result this small the buffer around it would cost more than the hashing.
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let index = 0; index < 32; index += 1) digest[index] = text.charCodeAt(index)
  return digest
}

/** The same as 64 lower-case hex digits. */
export const sha256Hex = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

/** SHA-1, 20 bytes: only where a standard names it for something that is no secret and no signature. */
export const sha1 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha1').update(bytes).digest())
