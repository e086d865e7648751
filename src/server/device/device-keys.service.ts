import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import type { CoseKey } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { readDeviceKey, type DeviceName } from './report-check.js'

const MAX_KEYS = 65_536
/** Looked up by one query. */
const MOST_AT_ONCE = 500

export interface DeviceKey {
  readonly key: CoseKey
  /** As it is stored. */
  readonly stored: Buffer
}
interface Asked extends DeviceName {
  resolve(key: DeviceKey): void
  reject(error: unknown): void
}

/** Keys of devices, kept: a report costs no query before its batch. Those that are not known are looked up many at a time. */
@Injectable()
export class DeviceKeys {
  private readonly keys = new Map<string, Promise<DeviceKey>>()
  private asked: Asked[] = []
  private running: Promise<void> | undefined

  constructor(private readonly database: DataSource) {}

  /**
   * Reports of one device that come together wait for one look-up: none overtakes another.
   * @throws Refusal `UNAUTHENTICATED` for a device that is not known, is no more, or cannot sign.
   */
  require(from: DeviceName): Promise<DeviceKey> {
    const name = nameOf(from)
    const known = this.keys.get(name)
    if (known !== undefined) return known
    if (this.keys.size >= MAX_KEYS) this.keys.clear()
    const key = new Promise<DeviceKey>((resolve, reject) => {
      this.asked.push({ ...from, resolve, reject })
    })
    this.keys.set(name, key)
    // A device that enrols later, or a database that comes back, is looked up again.
    key.catch(() => this.forget(from, key))
    this.running ??= this.lookUp()
    return key
  }

  /** @param used what it was when it was found wanting; a key that was looked up since stays. */
  forget(from: DeviceName, used?: Promise<DeviceKey>): void {
    const name = nameOf(from)
    if (used === undefined || this.keys.get(name) === used) this.keys.delete(name)
  }

  private async lookUp(): Promise<void> {
    // Whoever else asks in this turn of the event loop is asked for with it.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.asked.length > 0) {
      const asked = this.asked.splice(0, MOST_AT_ONCE)
      try {
        await this.answer(asked)
      } catch (error) {
        for (const each of asked) each.reject(error)
      }
    }
    this.running = undefined
  }

  private async answer(asked: readonly Asked[]): Promise<void> {
    const rows = await this.database.query<{ namespace: string; id: string; public_key: Buffer }[]>(
      `SELECT d.namespace, d.id, d.public_key FROM unnest($1::text[], $2::text[]) AS n (namespace, id)
         JOIN device d ON d.namespace = n.namespace AND d.id = n.id
       WHERE d.protocol = 'native' AND d.decommissioned_at IS NULL`,
      [asked.map((each) => each.namespace), asked.map((each) => each.deviceId)],
    )
    const found = new Map(rows.map((row) => [nameOf({ namespace: row.namespace, deviceId: row.id }), row.public_key]))
    for (const each of asked) {
      const stored = found.get(nameOf(each))
      if (stored === undefined) each.reject(new Refusal('UNAUTHENTICATED', {}))
      else each.resolve({ key: readDeviceKey(stored), stored })
    }
  }
}

const nameOf = ({ namespace, deviceId }: DeviceName): string => `${namespace}/${deviceId}`
