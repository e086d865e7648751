import { equalBytes } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { algorithmOf, type AlgorithmTable } from '../cose/algorithms.js'
import { keyIdOf, type CoseKey } from '../cose/cose-key.js'
import { parseSign1 } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'
import { readDeviceId } from './assignment.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { requireAttached, requireSize } from './signed-document.js'

/** The server's nonce in the two documents below, 32 bytes. */
export const DEVICE_NONCE_BYTES = 32

/**
 * A device that lost its counters says that it begins a new epoch of them; the server's nonce makes it new.
 * Signed by the device's key. @see docs/formats/counter-epoch.md
 */
export interface CounterEpoch {
  readonly namespace: string
  readonly deviceId: string
  /** As the server gave it for this one use. */
  readonly nonce: Uint8Array
  /** Later than any that either of them knows. */
  readonly epoch: number
}

export const encodeCounterEpoch = (document: CounterEpoch): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, document.namespace],
      [3, document.deviceId],
      [4, document.nonce],
      [5, document.epoch],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseCounterEpoch(payload: Uint8Array): CounterEpoch {
  const fields = Fields.open('counter-epoch', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const document: CounterEpoch = {
    namespace: fields.header(),
    deviceId: readDeviceId(fields, 3),
    nonce: fields.bytes(4, DEVICE_NONCE_BYTES),
    epoch: fields.uint(5),
  }
  fields.finish()
  return document
}

/** Which device a document must be from, and what the root allows it to sign with. */
export interface DeviceSigner {
  readonly namespace: string
  readonly deviceId: string
  /** Its key now; the name is that of the key it enrolled with. */
  readonly key: CoseKey
  /** Root field 11. */
  readonly allowed: readonly number[]
  readonly algorithms: AlgorithmTable
}

/** The key pinned to the one algorithm of its kind. @throws Refusal `ALGORITHM_NOT_ALLOWED`. */
export function requireDeviceKey({ key, allowed }: Pick<DeviceSigner, 'key' | 'allowed'>): {
  key: CoseKey
  alg: number
} {
  const alg = algorithmOf(key)
  if (!allowed.includes(alg)) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg })
  return { key, alg }
}

/** @throws Refusal `WRONG_NAMESPACE`, `DEVICE_MISMATCH`. */
export function requireFrom(document: { namespace: string; deviceId: string }, device: DeviceSigner): void {
  if (document.namespace !== device.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: device.namespace, found: document.namespace })
  if (document.deviceId !== device.deviceId) throw new Refusal('DEVICE_MISMATCH', { field: 'deviceId' })
}

/**
 * Opens a counter epoch: by that device's key, about that device. Whether the nonce is one that was given is for who gave it.
 * @throws Refusal `DEVICE_MISMATCH` naming the field, `SIGNATURE_INVALID`, `ALGORITHM_NOT_ALLOWED`, or that of reading it.
 */
export function openCounterEpoch(bytes: Uint8Array, device: DeviceSigner): CounterEpoch {
  requireSize('counter-epoch', bytes)
  const parsed = parseSign1(bytes, MAX_DOCUMENT_BYTES)
  if (parsed.keyId === null || !equalBytes(parsed.keyId, keyIdOf(device.key)))
    throw new Refusal('DEVICE_MISMATCH', { field: 'keyId' })
  const payload = requireAttached(device.algorithms, requireDeviceKey(device), parsed, 'counter-epoch')
  const document = parseCounterEpoch(payload)
  requireFrom(document, device)
  return document
}

/** True when `a` comes after `b`: the epoch first, then the counter. */
export const isLaterReport = (
  a: { readonly epoch: number; readonly counter: number },
  b: { readonly epoch: number; readonly counter: number },
): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.counter > b.counter)
