import { encodeSign, makeOneSignature } from '../../../../src/domain/cose/sign.js'
import type { CertificateRequest } from '../../../../src/domain/trust/certificate-request.js'
import { encodeKeyChange } from '../../../../src/domain/trust/key-change.js'
import { labelOf } from '../../../../src/domain/trust/labels.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'
import { certify, inTheNameOfTheVictim, own, revoke, thief, tls, victim } from './certify.js'

const REQUEST = 'src/domain/trust/certificate-request.ts'
const CERTIFY = 'src/signer/online/certify.ts'
const RATE = 'src/signer/checks/certificate.check.ts'

/** A change to the thief's key that the victim never made: its signature is the thief's. */
async function forgedChange({ trust: { namespace } }: SignerScene): Promise<Uint8Array> {
  const change = { namespace, deviceId: victim.keyIdHex, nonce: new Uint8Array(32).fill(1), key: thief.key }
  const payload = encodeKeyChange(change)
  const signatures = [inTheNameOfTheVictim, thief].map((each) => makeOneSignature(each, payload, labelOf('key-change')))
  return encodeSign(payload, await Promise.all(signatures))
}

/** Certificates of devices, which the online signer issues to requests that prove themselves. */
export const certificateAttacks: readonly SignerAttack[] = [
  {
    ...own,
    name: 'certificate-in-the-name-of-another',
    threat: 'row 2',
    does: 'signs a request with a key of their own that names another device',
    run: (scene) => certify(scene, { by: thief, request: { deviceKey: thief.key } }),
    expected: { step: 26, code: 'DEVICE_MISMATCH' },
    guard: without(REQUEST, 'if (keyIdHexOf(request.deviceKey) !== request.deviceId)', 'if (false)'),
  },
  {
    ...own,
    name: 'certificate-request-of-another-key',
    threat: 'row 2',
    does: "signs a request that holds another device's public key with a key of their own",
    run: (scene) => certify(scene, { by: thief }),
    expected: { step: 26, code: 'DEVICE_MISMATCH' },
    guard: without(REQUEST, 'if (parsed.keyId === null || !equalBytes(parsed.keyId, keyIdOf(key)))', 'if (false)'),
    // The signature is judged by the key that the request proves, whoever the header names.
    unguarded: { step: 26, code: 'SIGNATURE_INVALID' },
  },
  {
    ...own,
    name: 'certificate-without-the-device-key',
    threat: 'row 2',
    does: 'writes the request of a device without having its key: no proof of possession',
    run: (scene) => certify(scene, { by: inTheNameOfTheVictim }),
    expected: { step: 26, code: 'SIGNATURE_INVALID' },
    guard: without(
      REQUEST,
      "requireAttached(judge.algorithms, requireDeviceKey({ key, allowed: judge.allowed }), parsed, 'certificate-request')",
    ),
  },
  {
    ...own,
    name: 'certificate-by-a-document-of-another-kind',
    threat: 'row 2',
    does: 'presents what the device signed as another kind of document as a request',
    run: (scene) => certify(scene, { label: 'report' }),
    expected: { step: 26, code: 'SIGNATURE_INVALID' },
    guard: without(REQUEST, "parsed, 'certificate-request')", "parsed, 'report')"),
  },
  {
    ...own,
    name: 'certificate-for-another-environment',
    threat: 'row 13',
    does: 'carries the request of a test device into production',
    run: (scene) => certify(scene, { request: { namespace: 'gateway/test' } }),
    expected: { step: 26, code: 'WRONG_NAMESPACE' },
    guard: without(REQUEST, 'if (request.namespace !== judge.namespace)', 'if (false)'),
  },
  {
    ...own,
    name: 'certificate-request-replayed',
    threat: 'row 11',
    does: 'keeps the request of a device, whose TLS key was stolen later, and brings it again the next day',
    run: (scene) => certify(scene, { request: { time: scene.now - 86_400 } }),
    expected: { step: 26, code: 'REQUEST_STALE' },
    guard: without(REQUEST, 'if (Math.abs(judge.now - time) > MAX_REQUEST_AGE_SECONDS)', 'if (false)'),
  },
  {
    ...own,
    name: 'certificate-request-for-later',
    threat: 'row 2',
    does: 'had a device with a wrong clock sign a request for next year, to use it then',
    run: (scene) => certify(scene, { request: { time: scene.now + 365 * 86_400 } }),
    expected: { step: 26, code: 'REQUEST_STALE' },
    guard: without(REQUEST, 'Math.abs(judge.now - time)', 'judge.now - time'),
  },
  {
    ...own,
    name: 'certificate-for-a-key-of-another-curve',
    threat: 'row 18',
    does: 'has an Ed25519 key written into a certificate of P-256',
    run: (scene) => certify(scene, { request: { tlsKey: thief.key as never } }),
    expected: { step: 26, code: 'KEY_MALFORMED' },
    guard: without(
      REQUEST,
      "if (tlsKey.kind !== 'p256')",
      "if (tlsKey.kind !== 'p256')\n    return { namespace, deviceId, deviceKey, tlsKey: { ...tlsKey, kind: 'p256', y: new Uint8Array(32) } as never, time }\n  if (false)",
    ),
  },
  {
    ...own,
    name: 'certificate-for-a-point-off-the-curve',
    threat: 'row 18',
    does: 'has a point that is not on the curve certified, which some TLS stacks compute with',
    run: (scene) => {
      const tlsKey = { ...(tls.key as CertificateRequest['tlsKey']), y: new Uint8Array(32).fill(7) }
      return certify(scene, { request: { tlsKey } })
    },
    expected: { step: 26, code: 'KEY_MALFORMED' },
    guard: without('src/domain/cose/cose-key.ts', 'if (!isP256Point(x, y))', 'if (false)'),
  },
  {
    ...own,
    name: 'certificate-by-a-forged-key-change',
    threat: 'row 2',
    does: 'says that the device changed to a key of theirs, without the old key having signed that',
    run: async (scene) => certify(scene, { by: thief, keyChanges: [await forgedChange(scene)] }),
    expected: { step: 26, code: 'SIGNATURE_INVALID' },
    guard: without('src/domain/trust/key-change.ts', "requireSigned('device', device.key)"),
  },
  {
    ...own,
    name: 'certificate-for-a-revoked-device',
    threat: 'row 2',
    does: 'asks with the key of a device that was revoked because it was opened and read',
    run: async (scene) => {
      await scene.onlineSigner()
      await revoke(scene, victim.keyIdHex)
      return certify(scene)
    },
    expected: { step: 26, code: 'KEY_REVOKED' },
    guard: without(REQUEST, 'if (revoked.has(keyId))', 'if (false)'),
  },
  {
    ...own,
    name: 'certificates-without-end',
    threat: 'row 3',
    does: 'has one device certified again and again',
    run: async (scene) => {
      for (let count = 0; count < 5; count += 1) await scene.must(certify(scene))
      return certify(scene)
    },
    expected: { step: 14, code: 'RATE_EXCEEDED' },
    guard: without(RATE, 'if (inDay.ofDevice >= MOST_PER_DEVICE)', 'if (false)'),
  },
  {
    fixture: { withDeviceCa: true, policy: { limits: { certificatesPerDay: 1 } } },
    name: 'certificates-for-made-up-devices',
    threat: 'row 3',
    does: 'makes up devices and has all of them certified in a day',
    run: async (scene) => {
      await scene.must(certify(scene))
      return certify(scene, { by: thief, request: { deviceId: thief.keyIdHex, deviceKey: thief.key } })
    },
    expected: { step: 14, code: 'RATE_EXCEEDED' },
    guard: without(RATE, 'inDay.all >= limit', 'false'),
  },
  {
    ...own,
    name: 'certificate-under-a-dead-krl',
    threat: 'row 11',
    does: 'withholds the KRL that revokes a device and has it certified past the hard expiry of the one held',
    run: async (scene) => {
      await scene.onlineSigner()
      await scene.signKrl({ nextUpdate: scene.now + 50, hardExpiry: scene.now + 100 })
      scene.pass(100)
      return certify(scene)
    },
    expected: { step: 10, code: 'KRL_EXPIRED' },
    guard: without(CERTIFY, 'atCheck(10, () => requireLiveKrl(state, now))'),
  },
]
