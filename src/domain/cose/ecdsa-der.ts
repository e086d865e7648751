/**
 * R ‖ S of an ECDSA signature in DER (RFC 3279 §2.2.3): SEQUENCE { INTEGER r, INTEGER s }, in its one form.
 * @returns 64 bytes, or null for anything else.
 */
export function p256FromDer(der: Uint8Array): Uint8Array | null {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return null
  const first = readInteger(der, 2)
  const second = first === null ? null : readInteger(der, first.end)
  if (first === null || second === null || second.end !== der.length) return null
  const raw = new Uint8Array(64)
  raw.set(first.bytes, 32 - first.bytes.length)
  raw.set(second.bytes, 64 - second.bytes.length)
  return raw
}

/** A positive INTEGER of 32 bytes at most, with no zero in front that it does not need. */
function readInteger(der: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | null {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  if (der[at] !== 0x02 || end > der.length) return null
  const bytes = findPositive(der.subarray(at + 2, end))
  return bytes === null ? null : { bytes, end }
}

/** @returns the digits of the number without the zero that keeps it positive, or null. */
function findPositive(digits: Uint8Array): Uint8Array | null {
  const [head = 0x80, next = 0] = digits
  if (head > 0x7f) return null
  const isPadded = head === 0
  if (isPadded && next <= 0x7f) return null
  const bytes = isPadded ? digits.subarray(1) : digits
  return bytes.length > 32 ? null : bytes
}
