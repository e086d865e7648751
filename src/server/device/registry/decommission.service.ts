import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import { isDeviceId } from '../../../domain/trust/assignment.js'
import { deviceUsername } from '../../../protocol/mqtt-topics.js'
import { AuditService } from '../../audit/audit.service.js'
import { BrokerAccounts } from '../../mqtt/broker-accounts.port.js'
import { DeploymentService } from '../../rollout/deployment.service.js'

interface DeviceRow {
  readonly protocol: 'native' | 'ddi'
  readonly decommissioned_at: number | null
}

/**
 * Puts a device out for good: its credential, certificate, login, registration and deployments are void, and its key lets nobody in
 * again. Its row and its history stay, so that nobody else gets its name.
 */
@Injectable()
export class DecommissionService {
  constructor(
    private readonly database: DataSource,
    private readonly deployments: DeploymentService,
    private readonly accounts: BrokerAccounts,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Safe to repeat, and to be repeated after `BROKER_UNAVAILABLE`: then everything is void but the login at the broker.
   * @throws Refusal `NOT_FOUND`, `BROKER_UNAVAILABLE`.
   */
  async decommission(namespace: string, deviceId: string, actor: string): Promise<void> {
    const protocol = await this.database.transaction((manager) => this.putOut(manager, namespace, deviceId, actor))
    // After the commit: from there on nothing that the broker still lets through is believed.
    if (protocol === 'native') await this.accounts.remove(deviceUsername(namespace, deviceId))
  }

  private async putOut(
    manager: EntityManager,
    namespace: string,
    deviceId: string,
    actor: string,
  ): Promise<DeviceRow['protocol']> {
    const row = isDeviceId(deviceId) ? await hold(manager, namespace, deviceId) : undefined
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'device', id: deviceId.slice(0, 64) })
    if (row.decommissioned_at !== null) return row.protocol
    await manager.query(
      `UPDATE device SET decommissioned_at = $3, credential_sha256 = $4, change_nonce = NULL, change_epoch = NULL, change_expires = NULL
       WHERE namespace = $1 AND id = $2`,
      // A hash of nothing that anybody knows.
      [namespace, deviceId, this.clock.nowSeconds(), randomBytes(32)],
    )
    await manager.query('DELETE FROM device_registration WHERE namespace = $1 AND key_id = $2', [namespace, deviceId])
    await this.deployments.cancelAll(manager, namespace, deviceId)
    const detail = { device: deviceId }
    await this.audit.record(manager, { namespace, actor, event: 'device.decommissioned', detail })
    return row.protocol
  }
}

async function hold(manager: EntityManager, namespace: string, deviceId: string): Promise<DeviceRow | undefined> {
  const [row] = await manager.query<DeviceRow[]>(
    'SELECT protocol, decommissioned_at FROM device WHERE namespace = $1 AND id = $2 FOR NO KEY UPDATE',
    [namespace, deviceId],
  )
  return row
}
