import { buildSign1, type MessageSigner } from '../../../../src/domain/cose/sign1.js'
import { encodeCertificateRequest, type CertificateRequest } from '../../../../src/domain/trust/certificate-request.js'
import { labelOf } from '../../../../src/domain/trust/labels.js'
import { makeP256Key, makeSoftKey } from '../../../support/soft-key.js'
import type { SignerScene } from '../../signer-scene.js'
import { judge } from '../../signer-verdict.js'
import type { Verdict } from '../../verdict.js'

export const victim = makeSoftKey()
export const thief = makeSoftKey()
/** A TLS key that the thief has. */
export const tls = makeP256Key()

/** Signatures of the thief under the victim's key id. */
export const inTheNameOfTheVictim: MessageSigner = { ...victim, sign: (message) => thief.sign(message) }

interface Forged {
  /** Who signs; the victim where nothing is stolen but a place on the way. */
  readonly by?: MessageSigner
  readonly request?: Partial<CertificateRequest>
  readonly label?: 'certificate-request' | 'report'
  readonly keyChanges?: readonly Uint8Array[]
}

/** Asks the online signer for a certificate in the victim's name. */
export async function certify(scene: SignerScene, forged: Forged = {}): Promise<Verdict> {
  const online = await scene.onlineSigner()
  const { by = victim, request = {}, label = 'certificate-request', keyChanges = [] } = forged
  const payload = encodeCertificateRequest({
    namespace: scene.trust.namespace,
    deviceId: victim.keyIdHex,
    deviceKey: victim.key,
    tlsKey: tls.key as CertificateRequest['tlsKey'],
    time: scene.now,
    ...request,
  })
  return judge(online.request('certify', { request: await buildSign1(by, payload, labelOf(label)), keyChanges }))
}

export const own = { fixture: { withDeviceCa: true } } as const
export const revoke = (scene: SignerScene, keyId: string): Promise<Uint8Array> =>
  scene.signKrl({ keys: [{ keyId, reason: 1, time: scene.now }] })
