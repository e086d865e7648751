import { Injectable } from '@nestjs/common'
import type { EntityManager } from 'typeorm'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import type { DeviceName } from '../report-check.js'
import { Duplicates } from './duplicates.service.js'

type ChangeKind = 'epoch' | 'key'

const DAY_SECONDS = 86_400
/** Each is kept for ever, so that nobody fills the audit trail with them. A certificate request carries 64 key changes. */
const MOST_A_DAY: Readonly<Record<ChangeKind, number>> = { epoch: 100, key: 10 }
/**
 * A device begins an epoch when it was wiped. Two with one identity begin one at every other poll, each finding numbers that it never
 * gave.
 */
const EPOCHS_OF_TWO = 4

/** How often a device begins to count anew or changes its key. */
@Injectable()
export class ChangeCounts {
  constructor(
    private readonly duplicates: Duplicates,
    private readonly clock: Clock,
  ) {}

  /** In the transaction of the change. @throws Refusal `RATE_EXCEEDED` for more in a day than any device needs. */
  async count(manager: EntityManager, { namespace, deviceId }: DeviceName, kind: ChangeKind): Promise<void> {
    const now = this.clock.nowSeconds()
    const [row] = await manager.query<[{ times: number }]>(
      `INSERT INTO device_change_count AS c (namespace, device_id, kind, since, times) VALUES ($1, $2, $3, $4, 1)
       ON CONFLICT (namespace, device_id, kind) DO UPDATE SET
         times = CASE WHEN c.since > $5 THEN c.times + 1 ELSE 1 END, since = CASE WHEN c.since > $5 THEN c.since ELSE $4 END
       RETURNING times`,
      [namespace, deviceId, kind, now, now - DAY_SECONDS],
    )
    const limit = MOST_A_DAY[kind]
    if (row.times > limit) throw new Refusal('RATE_EXCEEDED', { limit, what: `changes of a device's ${kind} in a day` })
    if (kind === 'epoch' && row.times >= EPOCHS_OF_TWO)
      await this.duplicates.note(manager, { namespace, deviceId, kind, detail: `${row.times} epochs begun in a day` })
  }
}
