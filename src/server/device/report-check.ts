import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { decodeCbor } from '../../domain/cbor/decode.js'
import { coseKeyFromCbor, keyIdHexOf, type CoseKey } from '../../domain/cose/cose-key.js'
import { toHex } from '../../domain/bytes.js'
import { parseSign1, sign1Message } from '../../domain/cose/sign1.js'
import { requireSignatureAside } from '../../domain/cose/verify.js'
import { Refusal } from '../../domain/refusal.js'
import { requireDeviceKey } from '../../domain/trust/counter-epoch.js'
import { labelOf } from '../../domain/trust/labels.js'
import { parseReport, type Report } from '../../domain/trust/report.js'

/** A report has a few hundred bytes. */
export const MAX_REPORT_BYTES = 4_096

/** A device as its report names itself, or as the way the report came claims. */
export interface DeviceName {
  readonly namespace: string
  readonly deviceId: string
}

/** A device's public key as it is stored. */
export const readDeviceKey = (stored: Uint8Array): CoseKey => coseKeyFromCbor(decodeCbor(stored))

/**
 * Opens a report: signed by that device's key, about that device, in that namespace.
 * @param key the device's key now; its name is that of the key it enrolled with.
 * @param from the topic it came on, or the address it was posted to.
 * @param allowed algorithms of the root.
 * @throws Refusal `REPORT_MISMATCH` naming the field, `SIGNATURE_INVALID`, `ALGORITHM_NOT_ALLOWED`, or that of reading it.
 */
export async function openReport(
  document: Uint8Array,
  key: CoseKey,
  from: DeviceName,
  allowed: readonly number[],
): Promise<Report> {
  const parsed = parseSign1(document, MAX_REPORT_BYTES)
  // A report signed by another device's key, or by a key this device had before, is told apart before anything is verified.
  if (parsed.keyId === null || toHex(parsed.keyId) !== keyIdHexOf(key))
    throw new Refusal('REPORT_MISMATCH', { field: 'keyId' })
  const { payload, protectedBytes } = parsed
  if (payload === null) throw new Refusal('COSE_MALFORMED', { why: 'payload is detached' })
  const message = sign1Message(protectedBytes, labelOf('report'), payload)
  await requireSignatureAside(nativeAlgorithms, requireDeviceKey({ key, allowed }), parsed, message)
  const report = parseReport(payload)
  if (report.namespace !== from.namespace) throw new Refusal('REPORT_MISMATCH', { field: 'namespace' })
  if (report.deviceId !== from.deviceId) throw new Refusal('REPORT_MISMATCH', { field: 'deviceId' })
  return report
}
