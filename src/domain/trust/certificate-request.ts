import { equalBytes } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, keyIdOf, type CoseKey } from '../cose/cose-key.js'
import { parseSign1 } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'
import { readDeviceId } from './assignment.js'
import { requireDeviceKey, type DeviceSigner } from './counter-epoch.js'
import { Fields } from './fields.js'
import { openKeyChange } from './key-change.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { requireAttached, requireSize } from './signed-document.js'

/** Clocks of devices are not good; a request that lay about for longer is not what the device wants now. */
export const MAX_REQUEST_AGE_SECONDS = 600
/** Key changes between the key that names a device and the one it has. */
export const MAX_KEY_CHANGES = 64

/**
 * A device asks for a certificate of the key that it uses in TLS. Signed by its own key. The document proves itself: the device's
 * name is the thumbprint of `deviceKey`, and key changes lead from there to the key that signed.
 * @see docs/formats/certificate-request.md
 */
export interface CertificateRequest {
  readonly namespace: string
  readonly deviceId: string
  /** The key that the device enrolled with. */
  readonly deviceKey: CoseKey
  readonly tlsKey: Extract<CoseKey, { kind: 'p256' }>
  readonly time: number
}

export const encodeCertificateRequest = (request: CertificateRequest): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, request.namespace],
      [3, request.deviceId],
      [4, coseKeyToCbor(request.deviceKey)],
      [5, coseKeyToCbor(request.tlsKey)],
      [6, request.time],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `KEY_MALFORMED` also for a TLS key that is not P-256, `CBOR_*`. */
export function parseCertificateRequest(payload: Uint8Array): CertificateRequest {
  const fields = Fields.open('certificate-request', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3 })
  const [namespace, deviceId] = [fields.header(), readDeviceId(fields, 3)]
  const [deviceKey, tlsKey] = [coseKeyFromCbor(fields.value(4)), coseKeyFromCbor(fields.value(5))]
  const time = fields.uint(6)
  fields.finish()
  if (tlsKey.kind !== 'p256') throw new Refusal('KEY_MALFORMED', { why: 'a TLS key is of P-256' })
  return { namespace, deviceId, deviceKey, tlsKey, time }
}

export interface RequestJudge {
  readonly namespace: string
  /** Root field 11. */
  readonly allowed: readonly number[]
  readonly algorithms: AlgorithmTable
  /** Key ids, hex. */
  readonly revoked: { has(keyId: string): boolean }
  readonly now: number
}

/**
 * Opens a request: the name fits the first key, every change leads on from the key before, the last key signed, none of them is
 * revoked, and it is of now.
 * @param keyChanges as the device signed them, oldest first.
 * @throws Refusal `DEVICE_MISMATCH` naming the field, `KEY_REVOKED`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `REQUEST_STALE`, or that of
 *   reading one of the documents.
 */
export function openCertificateRequest(
  bytes: Uint8Array,
  keyChanges: readonly Uint8Array[],
  judge: RequestJudge,
): CertificateRequest {
  requireSize('certificate-request', bytes)
  const parsed = parseSign1(bytes, MAX_DOCUMENT_BYTES)
  const request = parseCertificateRequest(parsed.payload ?? new Uint8Array(0))
  if (keyIdHexOf(request.deviceKey) !== request.deviceId) throw new Refusal('DEVICE_MISMATCH', { field: 'deviceId' })
  const key = currentKey(request, keyChanges, judge)
  if (parsed.keyId === null || !equalBytes(parsed.keyId, keyIdOf(key)))
    throw new Refusal('DEVICE_MISMATCH', { field: 'keyId' })
  requireAttached(judge.algorithms, requireDeviceKey({ key, allowed: judge.allowed }), parsed, 'certificate-request')
  if (request.namespace !== judge.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: judge.namespace, found: request.namespace })
  const { time } = request
  if (Math.abs(judge.now - time) > MAX_REQUEST_AGE_SECONDS) throw new Refusal('REQUEST_STALE', { time, now: judge.now })
  return request
}

function currentKey(
  { deviceId, deviceKey }: CertificateRequest,
  keyChanges: readonly Uint8Array[],
  { namespace, allowed, algorithms, revoked }: RequestJudge,
): CoseKey {
  if (keyChanges.length > MAX_KEY_CHANGES)
    throw new Refusal('DOCUMENT_MALFORMED', { document: 'certificate-request', field: 'key changes', why: 'too many' })
  // A stolen key can make changes of its own, which nobody here could tell from the device's: one revoked key ends the name.
  const unrevoked = (key: CoseKey): CoseKey => {
    const keyId = keyIdHexOf(key)
    if (revoked.has(keyId)) throw new Refusal('KEY_REVOKED', { keyId })
    return key
  }
  let key = unrevoked(deviceKey)
  for (const change of keyChanges) {
    const signer: DeviceSigner = { namespace, deviceId, key, allowed, algorithms }
    key = unrevoked(openKeyChange(change, signer).key)
  }
  return key
}
