import { toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, type CoseKey } from '../cose/cose-key.js'
import { parseSign, signMessage } from '../cose/sign.js'
import { requireSignature } from '../cose/verify.js'
import { Refusal } from '../refusal.js'
import { readDeviceId } from './assignment.js'
import { DEVICE_NONCE_BYTES, requireDeviceKey, requireFrom, type DeviceSigner } from './counter-epoch.js'
import { Fields } from './fields.js'
import { labelOf, MAX_DOCUMENT_BYTES } from './labels.js'
import { requireSize } from './signed-document.js'

/**
 * A device takes another key and keeps its name. Signed twice: by the old key, which may say so, and by the new one,
 * which is there. The server's nonce keeps an old change from being made again. @see docs/formats/key-change.md
 */
export interface KeyChange {
  readonly namespace: string
  readonly deviceId: string
  readonly nonce: Uint8Array
  readonly key: CoseKey
}

export const encodeKeyChange = (change: KeyChange): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, change.namespace],
      [3, change.deviceId],
      [4, change.nonce],
      [5, coseKeyToCbor(change.key)],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `KEY_MALFORMED`, `CBOR_*`. */
export function parseKeyChange(payload: Uint8Array): KeyChange {
  const fields = Fields.open('key-change', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const change: KeyChange = {
    namespace: fields.header(),
    deviceId: readDeviceId(fields, 3),
    nonce: fields.bytes(4, DEVICE_NONCE_BYTES),
    key: coseKeyFromCbor(fields.value(5)),
  }
  fields.finish()
  return change
}

/**
 * Opens a key change: exactly two signatures, by the device's key and by the one that it names. Where they are one and the
 * same the change was made before and one signature is enough: an answer was lost, and the device asks again.
 * @throws Refusal `SIGNATURE_MISSING`, `SIGNATURE_DUPLICATE`, `SIGNATURE_INVALID`, `ALGORITHM_NOT_ALLOWED`, `DEVICE_MISMATCH`,
 *   `WRONG_NAMESPACE`, or that of reading it.
 */
export function openKeyChange(bytes: Uint8Array, device: DeviceSigner): KeyChange {
  requireSize('key-change', bytes)
  const { payload, signatures } = parseSign(bytes, MAX_DOCUMENT_BYTES)
  const change = parseKeyChange(payload)
  if (signatures.length > 2) throw new Refusal('COSE_MALFORMED', { why: 'more than two signatures' })
  const byKeyId = new Map(signatures.map((one) => [toHex(one.keyId), one]))
  const requireSigned = (role: string, key: CoseKey): void => {
    const one = byKeyId.get(keyIdHexOf(key))
    if (one === undefined) throw new Refusal('SIGNATURE_MISSING', { role })
    const pinned = requireDeviceKey({ key, allowed: device.allowed })
    requireSignature(device.algorithms, pinned, one, signMessage(one.protectedBytes, labelOf('key-change'), payload))
  }
  requireSigned('device', device.key)
  requireSigned('next device key', change.key)
  requireFrom(change, device)
  return change
}
