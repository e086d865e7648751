import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { connectAsync, type MqttClient } from 'mqtt'
import type { CoseKey } from '../../src/domain/cose/cose-key.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeCertificateRequest, type CertificateRequest } from '../../src/domain/trust/certificate-request.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { parseCertificateAnswer } from '../../src/protocol/device-http.js'
import type { Answer, FleetDevice } from './fleet-device.js'
import type { FleetFixture } from './fleet-fixture.js'
import type { SoftKey } from './soft-key.js'

/** A key for TLS, in PEM and as a COSE_Key. */
export class TlsKey {
  readonly pem: string
  readonly key: Extract<CoseKey, { kind: 'p256' }>
  constructor() {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = privateKey.export({ format: 'jwk' })
    const coordinate = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
    this.pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    this.key = { kind: 'p256', x: coordinate(x), y: coordinate(y) }
  }
}

/** What of a fleet such a device meets; not every one has a broker. */
type DeviceSide = Pick<FleetFixture, 'app' | 'now'> & Partial<Pick<FleetFixture, 'broker'>>

/** A device that asks for a certificate and goes by it. */
export class CertifiedDevice {
  tls = new TlsKey()
  certificate: X509Certificate | undefined

  constructor(
    private readonly fleet: DeviceSide,
    readonly device: FleetDevice,
  ) {}

  get pem(): string {
    if (this.certificate === undefined) throw new Error('no certificate')
    return this.certificate.toString()
  }

  request(change: Partial<CertificateRequest> = {}, signer: SoftKey = this.device.key): Promise<Uint8Array> {
    const { namespace, id: deviceId, key } = this.device
    const fields = { namespace, deviceId, deviceKey: key.key, tlsKey: this.tls.key, time: this.fleet.now, ...change }
    return buildSign1(signer, encodeCertificateRequest(fields), labelOf('certificate-request'))
  }

  ask(document: Uint8Array, authorization = this.device.authorization): Promise<Answer> {
    return this.fleet.app.inject({
      method: 'POST',
      url: `${this.device.base}/${this.device.id}/certificate`,
      headers: { authorization, 'content-type': 'application/cbor' },
      payload: Buffer.from(document),
    })
  }

  async obtain(signer?: SoftKey): Promise<X509Certificate> {
    const answer = await this.ask(await this.request({}, signer))
    if (answer.statusCode !== 200) throw new Error(answer.rawPayload.toString())
    this.certificate = new X509Certificate(parseCertificateAnswer(new Uint8Array(answer.rawPayload)).certificate)
    return this.certificate
  }

  /** Connects to the broker's listener for certificates. */
  connect(change: { cert?: string; key?: string; clientId?: string } = {}): Promise<MqttClient> {
    return connectAsync(this.fleet.broker?.certificateUrl ?? '', {
      cert: this.pem,
      key: this.tls.pem,
      clientId: this.device.id,
      protocolVersion: 5,
      reconnectPeriod: 0,
      connectTimeout: 20_000,
      // The broker's own certificate is one of this test's.
      rejectUnauthorized: false,
      ...change,
    })
  }
}
