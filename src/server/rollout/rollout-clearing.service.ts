import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { AuditService } from '../audit/audit.service.js'
import { transaction } from './transaction.js'

const DAY_SECONDS = 86_400
/** Deployments that one transaction takes away. */
const BATCH = 10_000
/** One call: a person sees it move on, and nothing waits long for its end. */
const MOST_BATCHES = 10
const MOST_ROLLOUTS = 1_000

/** A rollout, and how many of its deployments go. */
export interface ClearedRollout {
  readonly id: string
  readonly endedAt: number
  readonly devices: number
}

/**
 * Ended so long ago and not to be rolled back any more: a finished one may be as long as its plan lasts, and one that was rolled back is
 * looked into while its fallback is under way.
 */
const ENDED = `r.namespace = $1 AND r.ended_at <= $2 AND (r.state <> 'finished' OR r.expires <= $3)
  AND NOT EXISTS (SELECT 1 FROM rollout c WHERE c.parent_id = r.id AND c.ended_at IS NULL)`
/** The history of a DDI client hangs on its deployments, and the ids of its actions: those stay. */
const UNNEEDED = `NOT EXISTS (SELECT 1 FROM ddi_action a WHERE a.rollout_id = p.rollout_id AND a.device_id = p.device_id)`

/**
 * Clears away what became of each device in rollouts that ended long ago. What people signed, stages, counts, failures by their reasons
 * and the audit trail stay.
 */
@Injectable()
export class RolloutClearing {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** What `clear` would take away now, the oldest first. */
  preview(namespace: string, endedDays: number): Promise<ClearedRollout[]> {
    const now = this.clock.nowSeconds()
    return this.database.query<ClearedRollout[]>(
      `SELECT r.id, r.ended_at AS "endedAt", n.devices FROM rollout r
         CROSS JOIN LATERAL (SELECT count(*) AS devices FROM deployment p WHERE p.rollout_id = r.id AND ${UNNEEDED}) n
       WHERE ${ENDED} AND n.devices > 0 ORDER BY r.ended_at, r.id LIMIT ${MOST_ROLLOUTS}`,
      [namespace, now - endedDays * DAY_SECONDS, now],
    )
  }

  /**
   * Takes some of it away, batch by batch: each is whole, and what is left is for the next call.
   * @returns what went, and whether there may be more.
   */
  async clear(
    namespace: string,
    endedDays: number,
    actor: string,
    isStopping: () => boolean = () => false,
  ): Promise<{ readonly items: readonly ClearedRollout[]; readonly isDone: boolean }> {
    const now = this.clock.nowSeconds()
    const rows = await this.database.query<{ id: string; endedAt: number }[]>(
      `SELECT r.id, r.ended_at AS "endedAt" FROM rollout r
       WHERE ${ENDED} AND EXISTS (SELECT 1 FROM deployment p WHERE p.rollout_id = r.id AND ${UNNEEDED})
       ORDER BY r.ended_at, r.id LIMIT ${MOST_ROLLOUTS + 1}`,
      [namespace, now - endedDays * DAY_SECONDS, now],
    )
    const items: ClearedRollout[] = []
    let batches = 0
    for (const row of rows.slice(0, MOST_ROLLOUTS)) {
      let devices = 0
      for (let went = BATCH; went === BATCH && batches < MOST_BATCHES && !isStopping(); batches += 1) {
        went = await this.clearBatch(namespace, row.id, actor)
        devices += went
      }
      if (devices > 0) items.push({ ...row, devices })
      if (batches >= MOST_BATCHES || isStopping()) return { items, isDone: false }
    }
    return { items, isDone: rows.length <= MOST_ROLLOUTS }
  }

  private clearBatch(namespace: string, rolloutId: string, actor: string): Promise<number> {
    return transaction(this.database, async (manager) => {
      const devices = await takeAway(manager, rolloutId)
      if (devices === 0) return 0
      await manager.query('UPDATE rollout SET cleared_at = $2 WHERE id = $1', [rolloutId, this.clock.nowSeconds()])
      const detail = { rollout: rolloutId, devices }
      await this.audit.record(manager, { namespace, actor, event: 'rollout.cleared', detail })
      return devices
    })
  }
}

/** Counts what goes in the statement that takes it, so that counts stay whole whoever takes something at the same time. */
async function takeAway(manager: EntityManager, rolloutId: string): Promise<number> {
  const rows = await manager.query<{ devices: number }[]>(
    `WITH gone AS (
       DELETE FROM deployment WHERE rollout_id = $1 AND device_id IN (
         SELECT p.device_id FROM deployment p WHERE p.rollout_id = $1 AND ${UNNEEDED} ORDER BY p.device_id LIMIT ${BATCH})
       RETURNING stage, state, reason),
     kept AS (
       INSERT INTO rollout_cleared (rollout_id, stage, state, reason, devices)
       SELECT $1::uuid, stage, state, reason, count(*) FROM gone GROUP BY stage, state, reason
       ON CONFLICT (rollout_id, stage, state, reason) DO UPDATE SET devices = rollout_cleared.devices + excluded.devices)
     SELECT count(*) AS devices FROM gone`,
    [rolloutId],
  )
  return rows[0]?.devices ?? 0
}
