import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes, toHex } from '../../domain/bytes.js'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { coseKeyToCbor } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import type { Enrolment } from '../../domain/trust/enrolment.js'
import { openEnrolment } from '../../domain/trust/open-enrolment.js'
import type { EnrolAnswer } from '../../protocol/device-http.js'
import { deviceUsername } from '../../protocol/mqtt-topics.js'
import { AuditService } from '../audit/audit.service.js'
import { BrokerAccounts } from '../mqtt/broker-accounts.port.js'
import { TrustService } from '../keys/trust.service.js'
import { ServerConfig } from '../server-config.js'
import { ClaimService } from './claim.service.js'
import { Registrations } from './registry/registrations.service.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { hashSecret, makeBrokerPassword, makeDeviceCredential } from './device-secret.js'

/** Lets devices in. A device brings its own key and its own anchors; from us it gets a name and two secrets. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly database: DataSource,
    private readonly claims: ClaimService,
    private readonly registrations: Registrations,
    private readonly trust: TrustService,
    private readonly classes: DeviceClasses,
    private readonly accounts: BrokerAccounts,
    private readonly audit: AuditService,
    private readonly config: ServerConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Enrols the device that signed `document`, by a claim token or, without one, by a key that was registered before. Repeated with the same key it gives new secrets and spends no further use:
   * a device whose answer was lost asks again.
   * @throws Refusal `UNAUTHENTICATED`, `ENROLMENT_REFUSED`, `WRONG_NAMESPACE`, `SIGNATURE_INVALID`, `BROKER_UNAVAILABLE`,
   *   or that of reading the document.
   */
  async enrol(namespace: string, document: Uint8Array, claimSecret: string | null): Promise<EnrolAnswer> {
    const { state } = await this.trust.snapshot(namespace)
    const { enrolment, deviceId: keyId } = openEnrolment(namespace, document, state.root.algorithms, nativeAlgorithms)
    if (this.classes.findName(namespace, enrolment.classId) === null)
      throw new Refusal('ENROLMENT_REFUSED', { why: 'unknown device class' })
    const credential = makeDeviceCredential()
    const password = makeBrokerPassword()
    const deviceId = await this.database.transaction((manager) =>
      this.store(manager, keyId, enrolment, claimSecret, credential),
    )
    const username = deviceUsername(namespace, deviceId)
    // After the commit: a device without an account asks again, an account without a device would be nobody's.
    await this.accounts.add(username, password)
    return { deviceId, credential, mqtt: { url: this.config.mqtt.deviceUrl, username, password } }
  }

  /** @returns the device's name: that of the key it first enrolled with, also after it changed its key. */
  private async store(
    manager: EntityManager,
    keyId: string,
    enrolment: Enrolment,
    claimSecret: string | null,
    credential: string,
  ): Promise<string> {
    const { namespace, classId, key } = enrolment
    const publicKey = Buffer.from(encodeCbor(coseKeyToCbor(key)))
    const [known] = await manager.query<{ id: string; decommissioned_at: number | null }[]>(
      `SELECT id, decommissioned_at FROM device WHERE namespace = $1
         AND (device_key_digest(namespace, public_key) = device_key_digest($1, $2) OR id = $3) ORDER BY public_key = $2 DESC`,
      [namespace, publicKey, keyId],
    )
    const deviceId = known?.id ?? keyId
    const by = await this.requireLeave(manager, deviceId, enrolment, claimSecret)
    if (known !== undefined && known.decommissioned_at !== null)
      throw new Refusal('ENROLMENT_REFUSED', { why: 'the device was decommissioned' })
    const now = this.clock.nowSeconds()
    const inserted = await manager.query<{ id: string }[]>(
      `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at, attributes)
       VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT DO NOTHING RETURNING id`,
      [
        namespace,
        deviceId,
        Buffer.from(classId),
        publicKey,
        hashSecret(credential),
        now,
        JSON.stringify(by.attributes),
      ],
    )
    const isNew = inserted.length === 1
    if (!isNew) await this.renewCredential(manager, deviceId, enrolment, publicKey, credential)
    else if (by.claim !== null) await this.claims.spend(manager, by.claim)
    const event = isNew ? 'device.enrolled' : 'device.credential-renewed'
    const detail = { device: deviceId, classId: toHex(classId), claim: by.claim ?? 'registered key' }
    await this.audit.record(manager, { namespace, actor: 'device-front', event, detail })
    return deviceId
  }

  private async requireLeave(
    manager: EntityManager,
    deviceId: string,
    { namespace, classId }: Enrolment,
    claimSecret: string | null,
  ): Promise<{ readonly claim: string | null; readonly attributes: Readonly<Record<string, string>> }> {
    if (claimSecret === null)
      return { claim: null, attributes: await this.registrations.require(manager, namespace, deviceId, classId) }
    return { claim: await this.claims.requireClaim(manager, namespace, claimSecret, classId), attributes: {} }
  }

  private async renewCredential(
    manager: EntityManager,
    deviceId: string,
    { namespace, classId }: Enrolment,
    publicKey: Buffer,
    credential: string,
  ): Promise<void> {
    const [rows] = await manager.query<[{ class_id: Buffer }[], number]>(
      'UPDATE device SET credential_sha256 = $3 WHERE namespace = $1 AND id = $2 AND public_key = $4 RETURNING class_id',
      [namespace, deviceId, hashSecret(credential), publicKey],
    )
    const [row] = rows
    // A key that the device gave up opens nothing any more, although the device is still named after it.
    if (row === undefined) throw new Refusal('ENROLMENT_REFUSED', { why: 'the device has another key now' })
    // The class was fixed by the first claim; a device does not become another one.
    if (!equalBytes(row.class_id, classId))
      throw new Refusal('ENROLMENT_REFUSED', { why: 'the device is enrolled in another class' })
  }
}
