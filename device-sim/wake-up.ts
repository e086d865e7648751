import { sha256, utf8 } from '../src/domain/bytes.js'

/**
 * A device's own share of the jitter window: the same for the same occasion, evenly spread over the fleet, and
 * nothing that a server could aim at one moment.
 * @param occasion what woke it, such as the digest of an offer.
 * @returns 0 ≤ delay < jitterSeconds × 1000.
 */
export function wakeUpDelayMs(deviceId: string, occasion: string, jitterSeconds: number): number {
  const hash = sha256(utf8(`${deviceId} ${occasion}`))
  const share = new DataView(hash.buffer, hash.byteOffset).getUint32(0) / 0x1_0000_0000
  return Math.floor(share * jitterSeconds * 1_000)
}
