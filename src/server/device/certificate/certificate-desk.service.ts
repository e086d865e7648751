import { X509Certificate } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { encodeCbor } from '../../../domain/cbor/encode.js'
import { sha256 } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { coseKeyToCbor } from '../../../domain/cose/cose-key.js'
import { parseSign1 } from '../../../domain/cose/sign1.js'
import { Refusal } from '../../../domain/refusal.js'
import { parseCertificateRequest, type CertificateRequest } from '../../../domain/trust/certificate-request.js'
import { MAX_DOCUMENT_BYTES } from '../../../domain/trust/labels.js'
import type { CertificateAnswer } from '../../../protocol/device-http.js'
import { AuditService } from '../../audit/audit.service.js'
import { ServerConfig } from '../../server-config.js'
import { Signers } from '../../signing/signer.port.js'
import type { DeviceName } from '../report-check.js'
import { Duplicates } from '../registry/duplicates.service.js'
import { DeviceAuthorities } from './device-authorities.service.js'
import { DeviceCertificates, publicKeyOf } from './device-certificates.service.js'

/**
 * Brings a device's request to the online signer, which judges it by itself, and keeps what came of it. The answer is believed no
 * more than anybody's: it has to be of our authority, for this device and its key.
 */
@Injectable()
export class CertificateDesk {
  constructor(
    private readonly database: DataSource,
    private readonly signers: Signers,
    private readonly authorities: DeviceAuthorities,
    private readonly certificates: DeviceCertificates,
    private readonly audit: AuditService,
    private readonly duplicates: Duplicates,
    private readonly config: ServerConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Safe to repeat: a key that has a certificate with half of its life before it gets that one again.
   * @throws Refusal `DEVICE_MISMATCH` for another device's request, `SIGNER_*`, or that of reading the document.
   */
  async issue(device: DeviceName, document: Uint8Array): Promise<CertificateAnswer> {
    const request = parseCertificateRequest(parseSign1(document, MAX_DOCUMENT_BYTES).payload ?? new Uint8Array(0))
    if (request.namespace !== device.namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: device.namespace, found: request.namespace })
    if (request.deviceId !== device.deviceId) throw new Refusal('DEVICE_MISMATCH', { field: 'deviceId' })
    const authority = await this.authorities.current(device.namespace)
    const certificate = (await this.findHeld(device, request)) ?? (await this.ask(device, request, document))
    const { deviceTlsUrl } = this.config.mqtt
    return { certificate, authority, ...(deviceTlsUrl === undefined ? {} : { mqttUrl: deviceTlsUrl }) }
  }

  private async findHeld({ namespace, deviceId }: DeviceName, request: CertificateRequest): Promise<Uint8Array | null> {
    const [row] = await this.database.query<{ certificate: Buffer }[]>(
      `SELECT certificate FROM device_certificate
       WHERE namespace = $1 AND device_id = $2 AND tls_key_sha256 = $3 AND not_after - $4 > (not_after - issued_at) / 2
       ORDER BY issued_at DESC LIMIT 1`,
      [namespace, deviceId, keyHashOf(request), this.clock.nowSeconds()],
    )
    if (row === undefined) return null
    // Its authority may have been revoked since.
    const isGood = (await this.certificates.findName(namespace, new X509Certificate(row.certificate))) === deviceId
    return isGood ? new Uint8Array(row.certificate) : null
  }

  private async ask(device: DeviceName, request: CertificateRequest, document: Uint8Array): Promise<Uint8Array> {
    const { namespace, deviceId } = device
    const changes = await this.database.query<{ document: Buffer }[]>(
      'SELECT document FROM device_key_change WHERE namespace = $1 AND device_id = $2 ORDER BY number',
      [namespace, deviceId],
    )
    const keyChanges = changes.map((change) => new Uint8Array(change.document))
    const bytes = await this.signers.certify(namespace, { request: document, keyChanges })
    const certificate = new X509Certificate(bytes)
    const isRight =
      (await this.certificates.findName(namespace, certificate)) === deviceId &&
      certificate.publicKey.equals(publicKeyOf(request.tlsKey))
    if (!isRight) throw new Refusal('DEVICE_MISMATCH', { field: 'certificate' })
    await this.keep(device, request, certificate)
    return bytes
  }

  private async keep(device: DeviceName, request: CertificateRequest, certificate: X509Certificate): Promise<void> {
    const { namespace, deviceId } = device
    const [serial, expires] = [certificate.serialNumber.toLowerCase(), Date.parse(certificate.validTo) / 1_000]
    await this.database.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO device_certificate (namespace, serial, device_id, tls_key_sha256, certificate, issued_at, not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [namespace, serial, deviceId, keyHashOf(request), certificate.raw, this.clock.nowSeconds(), expires],
      )
      // What ended long ago is nobody's to ask about.
      await manager.query('DELETE FROM device_certificate WHERE namespace = $1 AND device_id = $2 AND not_after < $3', [
        namespace,
        deviceId,
        this.clock.nowSeconds() - KEPT_SECONDS,
      ])
      const [other] = await manager.query<{ device_id: string }[]>(
        'SELECT device_id FROM device_certificate WHERE namespace = $1 AND tls_key_sha256 = $2 AND device_id <> $3 LIMIT 1',
        [namespace, keyHashOf(request), deviceId],
      )
      if (other !== undefined)
        await this.duplicates.note(manager, { namespace, deviceId, kind: 'tls-key', detail: other.device_id })
      const detail = { device: deviceId, serial, expires }
      await this.audit.record(manager, { namespace, actor: 'device-front', event: 'device.certificate-issued', detail })
    })
  }
}

const KEPT_SECONDS = 366 * 86_400

const keyHashOf = ({ tlsKey }: CertificateRequest): Buffer => Buffer.from(sha256(encodeCbor(coseKeyToCbor(tlsKey))))
