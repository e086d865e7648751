import { toHex } from '../bytes.js'

// NIST SP 800-186 §3.2.1.3: y² = x³ − 3x + b over the field of p.
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn

/**
 * True for two coordinates below p of a point on P-256. A point off the curve can lie on a weak one, and libraries
 * disagree about it. The curve has prime order and the neutral point no coordinates, so no small-order points are left.
 */
export function isP256Point(xBytes: Uint8Array, yBytes: Uint8Array): boolean {
  const x = BigInt(`0x${toHex(xBytes)}`)
  const y = BigInt(`0x${toHex(yBytes)}`)
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n
}
