import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { coseKeyToCbor, keyIdHexOf } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { DEVICE_NONCE_BYTES, openCounterEpoch, type DeviceSigner } from '../../domain/trust/counter-epoch.js'
import { openKeyChange } from '../../domain/trust/key-change.js'
import type { NonceAnswer } from '../../protocol/device-http.js'
import { AuditService } from '../audit/audit.service.js'
import { errorCodeOf } from '../error-code.js'
import { TrustService } from '../keys/trust.service.js'
import { ChangeCounts } from './registry/change-counts.service.js'
import { Duplicates } from './registry/duplicates.service.js'
import { readDeviceKey, type DeviceName } from './report-check.js'

const NONCE_LIFE_SECONDS = 600
const UNIQUE_VIOLATION = '23505'

/** Counter epochs and keys of devices. Each change needs a nonce of ours under the device's signature, and spends it. */
@Injectable()
export class DeviceChanges {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly audit: AuditService,
    private readonly duplicates: Duplicates,
    private readonly counts: ChangeCounts,
    private readonly clock: Clock,
  ) {}

  /**
   * A nonce for the device's next document; an earlier one is void.
   * @param toldEpoch what the device knows, 0 for nothing: a server set back to an old state must not give a number again.
   */
  async giveNonce({ namespace, deviceId }: DeviceName, toldEpoch: number): Promise<NonceAnswer> {
    const nonce = new Uint8Array(randomBytes(DEVICE_NONCE_BYTES))
    const [rows] = await this.database.query<[{ change_epoch: number }[], number]>(
      `UPDATE device SET change_nonce = $3, change_expires = $4, change_epoch = greatest(counter_epoch, $5::bigint) + 1
       WHERE namespace = $1 AND id = $2 RETURNING change_epoch`,
      [namespace, deviceId, Buffer.from(nonce), this.clock.nowSeconds() + NONCE_LIFE_SECONDS, toldEpoch],
    )
    const [row] = rows
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    return { nonce, epoch: row.change_epoch }
  }

  /**
   * From here on only reports of the new epoch count.
   * @returns the epoch. @throws Refusal `NONCE_UNKNOWN`, `RATE_EXCEEDED`, or that of `openCounterEpoch`.
   */
  async beginEpoch(name: DeviceName, document: Uint8Array): Promise<number> {
    const { signer, stored } = await this.requireSigner(name)
    const { nonce, epoch } = openCounterEpoch(document, signer)
    await this.database.transaction(async (manager) => {
      await this.spend(manager, name, stored, nonce, { column: 'counter_epoch', value: epoch })
      await this.counts.count(manager, name, 'epoch')
      await this.record(manager, name, 'device.epoch-begun', { device: name.deviceId, epoch })
    })
    return epoch
  }

  /**
   * The device keeps its name and signs with the other key from here on. Repeated after a lost answer it changes nothing.
   * @throws Refusal `NONCE_UNKNOWN`, `RATE_EXCEEDED`, `CONFLICT` for a key that another device has, or that of `openKeyChange`.
   */
  async changeKey(name: DeviceName, document: Uint8Array): Promise<void> {
    const { signer, stored } = await this.requireSigner(name)
    const { nonce, key } = openKeyChange(document, signer)
    const detail = { device: name.deviceId, from: keyIdHexOf(signer.key), to: keyIdHexOf(key) }
    if (detail.from === detail.to) return
    try {
      await this.database.transaction(async (manager) => {
        const value = Buffer.from(encodeCbor(coseKeyToCbor(key)))
        await this.spend(manager, name, stored, nonce, { column: 'public_key', value })
        await this.counts.count(manager, name, 'key')
        await manager.query(
          `INSERT INTO device_key_change (namespace, device_id, number, document)
           SELECT $1, $2, count(*) + 1, $3 FROM device_key_change WHERE namespace = $1 AND device_id = $2`,
          [name.namespace, name.deviceId, Buffer.from(document)],
        )
        await this.record(manager, name, 'device.key-changed', detail)
      })
    } catch (error) {
      if (errorCodeOf(error) !== UNIQUE_VIOLATION) throw error
      const { namespace, deviceId } = name
      await this.duplicates.note(this.database.manager, { namespace, deviceId, kind: 'key', detail: detail.to })
      throw new Refusal('CONFLICT', { what: 'device key', why: 'another device has it' }, { cause: error })
    }
  }

  /** One write decides a race (I-7): of two documents with one nonce the second finds it spent, or the key another. */
  private async spend(
    manager: EntityManager,
    { namespace, deviceId }: DeviceName,
    stored: Buffer,
    nonce: Uint8Array,
    change: { column: 'counter_epoch'; value: number } | { column: 'public_key'; value: Buffer },
  ): Promise<void> {
    const { column, value } = change
    // The epoch that was given with the nonce, and no other.
    const sameEpoch = column === 'counter_epoch' ? ' AND change_epoch = $6' : ''
    const [, count] = await manager.query<[unknown[], number]>(
      `UPDATE device SET ${column} = $6, change_nonce = NULL, change_epoch = NULL, change_expires = NULL
       WHERE namespace = $1 AND id = $2 AND change_nonce = $3 AND change_expires > $4 AND public_key = $5${sameEpoch}`,
      [namespace, deviceId, Buffer.from(nonce), this.clock.nowSeconds(), stored, value],
    )
    if (count !== 1) throw new Refusal('NONCE_UNKNOWN', {})
  }

  private async requireSigner({ namespace, deviceId }: DeviceName): Promise<{ signer: DeviceSigner; stored: Buffer }> {
    const [row] = await this.database.query<{ public_key: Buffer }[]>(
      `SELECT public_key FROM device WHERE namespace = $1 AND id = $2 AND protocol = 'native' AND decommissioned_at IS NULL`,
      [namespace, deviceId],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    const { state } = await this.trust.snapshot(namespace)
    const key = readDeviceKey(row.public_key)
    const allowed = state.root.algorithms
    return { signer: { namespace, deviceId, key, allowed, algorithms: nativeAlgorithms }, stored: row.public_key }
  }

  private async record(
    manager: EntityManager,
    name: DeviceName,
    event: string,
    detail: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const { namespace, deviceId } = name
    await this.audit.record(manager, { namespace, actor: deviceId, event, detail })
  }
}
