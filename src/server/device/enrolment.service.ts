import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
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
import { ServerConfig } from '../server-config.js'
import { ClaimService } from './claim.service.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { hashSecret, makeBrokerPassword, makeDeviceCredential } from './device-secret.js'

/** Lets devices in. A device brings its own key and its own anchors; from us it gets a name and two secrets. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly database: DataSource,
    private readonly claims: ClaimService,
    private readonly classes: DeviceClasses,
    private readonly accounts: BrokerAccounts,
    private readonly audit: AuditService,
    private readonly config: ServerConfig,
    private readonly clock: Clock,
  ) {}

  /**
   * Enrols the device that signed `document`. Repeated with the same key it gives new secrets and spends no further use:
   * a device whose answer was lost asks again.
   * @throws Refusal `UNAUTHENTICATED`, `ENROLMENT_REFUSED`, `WRONG_NAMESPACE`, `SIGNATURE_INVALID`, `BROKER_UNAVAILABLE`,
   *   or that of reading the document.
   */
  async enrol(namespace: string, document: Uint8Array, claimSecret: string | null): Promise<EnrolAnswer> {
    if (claimSecret === null) throw new Refusal('UNAUTHENTICATED', {})
    const { enrolment, deviceId } = openEnrolment(namespace, document, nativeAlgorithms)
    if (this.classes.findName(namespace, enrolment.classId) === null)
      throw new Refusal('ENROLMENT_REFUSED', { why: 'unknown device class' })
    const credential = makeDeviceCredential()
    const password = makeBrokerPassword()
    await this.database.transaction((manager) => this.store(manager, deviceId, enrolment, claimSecret, credential))
    const username = deviceUsername(namespace, deviceId)
    // After the commit: a device without an account asks again, an account without a device would be nobody's.
    await this.accounts.add(username, password)
    return { deviceId, credential, mqtt: { url: this.config.mqtt.deviceUrl, username, password } }
  }

  private async store(
    manager: EntityManager,
    deviceId: string,
    enrolment: Enrolment,
    claimSecret: string,
    credential: string,
  ): Promise<void> {
    const { namespace, classId, key } = enrolment
    const claimId = await this.claims.requireClaim(manager, namespace, claimSecret, classId)
    const now = this.clock.nowSeconds()
    const inserted = await manager.query<{ id: string }[]>(
      `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at)
       VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (namespace, id) DO NOTHING RETURNING id`,
      [
        namespace,
        deviceId,
        Buffer.from(classId),
        Buffer.from(encodeCbor(coseKeyToCbor(key))),
        hashSecret(credential),
        now,
      ],
    )
    const isNew = inserted.length === 1
    if (isNew) await this.claims.spend(manager, claimId)
    else await this.renewCredential(manager, deviceId, enrolment, credential)
    const event = isNew ? 'device.enrolled' : 'device.credential-renewed'
    const detail = { device: deviceId, classId: toHex(classId), claim: claimId }
    await this.audit.record(manager, { namespace, actor: 'device-front', event, detail })
  }

  private async renewCredential(
    manager: EntityManager,
    deviceId: string,
    { namespace, classId }: Enrolment,
    credential: string,
  ): Promise<void> {
    const renewed = await manager.query<[unknown[], number]>(
      'UPDATE device SET credential_sha256 = $3 WHERE namespace = $1 AND id = $2 AND class_id = $4',
      [namespace, deviceId, hashSecret(credential), Buffer.from(classId)],
    )
    // The class was fixed by the first claim; a device does not become another one.
    if (renewed[1] !== 1) throw new Refusal('ENROLMENT_REFUSED', { why: 'the device is enrolled in another class' })
  }
}
