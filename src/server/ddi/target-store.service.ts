import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { AuditService } from '../audit/audit.service.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { pageOf, type Page, type PageQuery } from '../request-fields.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import type { DdiTarget } from './ddi-target.js'
import { deviceIdOf, hashTargetToken, makeDdiToken, unknowableHash } from './ddi-secret.js'
import type { AutoConfirm } from './feedback.js'
import { LegacyGate } from './legacy-gate.service.js'

export interface NewTarget {
  readonly namespace: string
  readonly controllerId: string
  readonly classId: Uint8Array
  /** Null for a client that comes by a gateway or a certificate. */
  readonly token: string | null
  readonly actor: string
}

export interface TargetView {
  readonly controllerId: string
  readonly deviceId: string
  readonly className: string | null
  readonly attributes: Readonly<Record<string, string>>
  readonly isAutoConfirming: boolean
  readonly lastSeenAt: number
}

interface ViewRow {
  readonly controller_id: string
  readonly device_id: string
  readonly class_id: Buffer
  readonly attributes: Readonly<Record<string, string>>
  readonly auto_confirm_at_ms: number | null
  readonly last_seen_at: number
}

/** Who the clients of a namespace are: let in, given tokens, listed, until they are decommissioned. Each is a device row without a key. */
@Injectable()
export class TargetStore {
  constructor(
    private readonly database: DataSource,
    private readonly gate: LegacyGate,
    private readonly classes: DeviceClasses,
    private readonly audit: AuditService,
    private readonly clock: ServerClock,
  ) {}

  /**
   * Lets a client in, as far as the signed policy does.
   * @param spend what the one who vouches for it pays, in the same transaction; not called when it was known already.
   * @returns whether it is new. @throws Refusal `ENROLMENT_REFUSED`.
   */
  async enrol(target: NewTarget, spend?: (manager: EntityManager) => Promise<void>): Promise<boolean> {
    const { namespace, controllerId, classId, token, actor } = target
    await this.gate.requireJoining(namespace, classId)
    const deviceId = deviceIdOf(namespace, controllerId)
    const secret = token === null ? unknowableHash() : Buffer.from(hashTargetToken(namespace, controllerId, token))
    const now = this.clock.nowSeconds()
    return this.database.transaction(async (manager) => {
      const made = await manager.query<unknown[]>(
        `INSERT INTO device (namespace, id, class_id, protocol, credential_sha256, enrolled_at, last_seen_at)
         VALUES ($1, $2, $3, 'ddi', $4, $5, $5) ON CONFLICT DO NOTHING RETURNING id`,
        [namespace, deviceId, Buffer.from(classId), secret, now],
      )
      if (made.length === 0) return false
      await manager.query('INSERT INTO ddi_target (namespace, controller_id, device_id) VALUES ($1, $2, $3)', [
        namespace,
        controllerId,
        deviceId,
      ])
      await spend?.(manager)
      const detail = { device: deviceId, controllerId, classId: toHex(classId) }
      await this.audit.record(manager, { namespace, actor, event: 'ddi.target-enrolled', detail })
      return true
    })
  }

  /** A new token for a client; the one before is void at once. @throws Refusal `NOT_FOUND`. */
  async renewToken(namespace: string, deviceId: string, given: string | null, actor: string): Promise<string> {
    const token = given ?? makeDdiToken()
    await this.database.transaction(async (manager) => {
      const controllerId = await requireControllerId(manager, namespace, deviceId)
      const hash = Buffer.from(hashTargetToken(namespace, controllerId, token))
      await manager.query('UPDATE device SET credential_sha256 = $3 WHERE namespace = $1 AND id = $2', [
        namespace,
        deviceId,
        hash,
      ])
      const detail = { device: deviceId }
      await this.audit.record(manager, { namespace, actor, event: 'ddi.target-token-renewed', detail })
    })
    return token
  }

  /** Why a name is not let in that is taken. */
  async whyTaken(namespace: string, deviceId: string): Promise<string> {
    const [row] = await this.database.query<{ gone: boolean }[]>(
      'SELECT decommissioned_at IS NOT NULL AS gone FROM device WHERE namespace = $1 AND id = $2',
      [namespace, deviceId],
    )
    return row?.gone === true ? 'the device was decommissioned; under another name it may join' : 'it is known already'
  }

  /** Asks for its attributes at its next poll. @throws Refusal `NOT_FOUND`. */
  async askConfigData(namespace: string, deviceId: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      await requireControllerId(manager, namespace, deviceId)
      await manager.query('UPDATE ddi_target SET is_config_asked = true WHERE namespace = $1 AND device_id = $2', [
        namespace,
        deviceId,
      ])
    })
  }

  /** From now on the client consents to everything; what waits for its word has it. */
  async startAutoConfirm({ namespace, deviceId }: DdiTarget, said: AutoConfirm): Promise<void> {
    await this.database.transaction(async (manager) => {
      await manager.query(
        `UPDATE ddi_target SET auto_confirm_at_ms = $3, auto_confirm_initiator = $4, auto_confirm_remark = $5
         WHERE namespace = $1 AND device_id = $2`,
        [namespace, deviceId, this.clock.nowMs(), said?.initiator ?? null, said?.remark ?? null],
      )
      await manager.query(
        `UPDATE ddi_action SET consent = 'given' WHERE namespace = $1 AND device_id = $2 AND closed_at IS NULL`,
        [namespace, deviceId],
      )
    })
  }

  async stopAutoConfirm({ namespace, deviceId }: DdiTarget): Promise<void> {
    await this.database.query(
      `UPDATE ddi_target SET auto_confirm_at_ms = NULL, auto_confirm_initiator = NULL, auto_confirm_remark = NULL
       WHERE namespace = $1 AND device_id = $2`,
      [namespace, deviceId],
    )
  }

  async autoConfirm({
    namespace,
    deviceId,
  }: DdiTarget): Promise<{ at: number; initiator: string | null; remark: string | null } | null> {
    const [row] = await this.database.query<{ at: number | null; initiator: string | null; remark: string | null }[]>(
      `SELECT auto_confirm_at_ms AS at, auto_confirm_initiator AS initiator, auto_confirm_remark AS remark FROM ddi_target
       WHERE namespace = $1 AND device_id = $2`,
      [namespace, deviceId],
    )
    if (row === undefined || row.at === null) return null
    return { ...row, at: row.at }
  }

  async list(namespace: string, page: PageQuery): Promise<Page<TargetView>> {
    const rows = await this.database.query<ViewRow[]>(
      `SELECT t.controller_id, t.device_id, d.class_id, t.attributes, t.auto_confirm_at_ms, d.last_seen_at
       FROM ddi_target t JOIN device d ON d.namespace = t.namespace AND d.id = t.device_id
       WHERE t.namespace = $1 AND t.device_id > $2 AND d.decommissioned_at IS NULL ORDER BY t.device_id LIMIT $3`,
      [namespace, page.after ?? '', page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.device_id,
      (row) => ({
        controllerId: row.controller_id,
        deviceId: row.device_id,
        className: this.classes.findName(namespace, row.class_id),
        attributes: row.attributes,
        isAutoConfirming: row.auto_confirm_at_ms !== null,
        lastSeenAt: row.last_seen_at,
      }),
    )
  }
}

async function requireControllerId(manager: EntityManager, namespace: string, deviceId: string): Promise<string> {
  const [row] = await manager.query<{ controller_id: string }[]>(
    `SELECT t.controller_id FROM ddi_target t JOIN device d ON d.namespace = t.namespace AND d.id = t.device_id
     WHERE t.namespace = $1 AND t.device_id = $2 AND d.decommissioned_at IS NULL`,
    [namespace, deviceId],
  )
  if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'DDI client', id: deviceId.slice(0, 64) })
  return row.controller_id
}
