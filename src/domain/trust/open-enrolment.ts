import { equalBytes, toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { keyIdOf } from '../cose/cose-key.js'
import { parseSign1 } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'
import { requireDeviceKey } from './counter-epoch.js'
import { parseEnrolment, type Enrolment } from './enrolment.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { requireAttached, requireSize } from './signed-document.js'

/**
 * Opens a device's enrolment. The signature proves that whoever asks holds the key it asks for; nothing else of the
 * document is believed, so a claim token must speak for the rest.
 * @param allowed algorithms of the root.
 * @throws Refusal `ALGORITHM_NOT_ALLOWED`, `ENROLMENT_REFUSED` when another key signed, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, or that of reading it.
 */
export function openEnrolment(
  namespace: string,
  bytes: Uint8Array,
  allowed: readonly number[],
  algorithms: AlgorithmTable,
): { enrolment: Enrolment; deviceId: string } {
  requireSize('enrolment', bytes)
  const parsed = parseSign1(bytes, MAX_DOCUMENT_BYTES)
  if (parsed.payload === null) throw new Refusal('COSE_MALFORMED', { why: 'payload is detached' })
  const enrolment = parseEnrolment(parsed.payload)
  const keyId = keyIdOf(enrolment.key)
  if (parsed.keyId === null || !equalBytes(parsed.keyId, keyId))
    throw new Refusal('ENROLMENT_REFUSED', { why: 'not signed by the key it names' })
  requireAttached(algorithms, requireDeviceKey({ key: enrolment.key, allowed }), parsed, 'enrolment')
  if (enrolment.namespace !== namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: enrolment.namespace })
  return { enrolment, deviceId: toHex(keyId) }
}
