import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../../domain/clock.js'
import { EventStore } from '../../events/event-store.service.js'
import { pageOf, type Page, type PageQuery } from '../../request-fields.js'

/**
 * `counter`: two different reports under one number, which one device never signs. `epoch`: begins to count anew again and again, as two
 * do in turns. `key`: asked for a key that another device has. `tls-key`: has a certificate for a TLS key that another device has one for.
 */
export type DuplicateKind = 'counter' | 'epoch' | 'key' | 'tls-key'

export interface Duplicate {
  readonly namespace: string
  readonly deviceId: string
  readonly kind: DuplicateKind
  /** The number, or the other device. */
  readonly detail: string
}
export interface DuplicateView {
  readonly deviceId: string
  readonly kind: DuplicateKind
  readonly detail: string
  readonly times: number
  readonly firstAt: number
  readonly lastAt: number
}

/** Signs that two devices have one identity: a key that was copied, or an image of a device with its key in it. */
@Injectable()
export class Duplicates {
  constructor(
    private readonly database: DataSource,
    private readonly events: EventStore,
    private readonly clock: Clock,
  ) {}

  /** Counted in the caller's transaction; the first of a kind is an event. */
  async note(manager: EntityManager, { namespace, deviceId, kind, detail }: Duplicate): Promise<void> {
    const [row] = await manager.query<{ times: number }[]>(
      `INSERT INTO device_duplicate AS u (namespace, device_id, kind, detail, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $5)
       ON CONFLICT (namespace, device_id, kind) DO UPDATE SET times = u.times + 1, detail = excluded.detail, last_at = excluded.last_at
       RETURNING times`,
      [namespace, deviceId, kind, detail, this.clock.nowSeconds()],
    )
    if (row?.times !== 1) return
    await this.events.record(manager, [
      { namespace, type: 'device.duplicate', data: { device: deviceId, kind, detail } },
    ])
  }

  async list(namespace: string, page: PageQuery): Promise<Page<DuplicateView>> {
    const rows = await this.database.query<DuplicateView[]>(
      `SELECT device_id AS "deviceId", kind, detail, times, first_at AS "firstAt", last_at AS "lastAt" FROM device_duplicate
       WHERE namespace = $1 AND device_id || ' ' || kind > $2 ORDER BY device_id || ' ' || kind LIMIT $3`,
      [namespace, page.after ?? '', page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => `${row.deviceId} ${row.kind}`,
      (row) => row,
    )
  }
}
