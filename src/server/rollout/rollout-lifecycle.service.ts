import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { failuresOf } from '../../domain/rollout/counts.js'
import type { PauseReason } from '../../domain/rollout/decide.js'
import { judgeGate } from '../../domain/rollout/gate.js'
import { Refusal } from '../../domain/refusal.js'
import { AuditService } from '../audit/audit.service.js'
import { readStages, type RolloutRecord } from './rollout-record.js'

const ENGINE = 'rollout-engine'

/** Steps of a whole rollout: started, paused, resumed, finished, cancelled. Each is one transaction with its audit entry. */
@Injectable()
export class RolloutLifecycle {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Reads a rollout and holds it until the transaction ends. @throws Refusal `NOT_FOUND`. */
  async lock(manager: EntityManager, namespace: string, id: string): Promise<RolloutRecord> {
    const [row] = await manager.query<RolloutRecord[]>(
      'SELECT * FROM rollout WHERE namespace = $1 AND id = $2 FOR UPDATE',
      [namespace, id],
    )
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'rollout', id })
    return row
  }

  /** Planned → running. The caller has checked the approvals. @throws Refusal `STATE`. */
  async start(namespace: string, id: string, actor: string): Promise<void> {
    await this.change(namespace, id, actor, 'rollout.started', async (manager, row) => {
      requireState(row, ['planned'])
      await manager.query(`UPDATE rollout SET state = 'running', started_at = $2 WHERE id = $1`, [
        id,
        this.clock.nowSeconds(),
      ])
    })
  }

  /** Running → paused: nothing is opened or offered until somebody resumes. Safe to repeat. @throws Refusal `STATE`. */
  async pause(namespace: string, id: string, actor: string): Promise<void> {
    await this.change(namespace, id, actor, 'rollout.paused', async (manager, row) => {
      requireState(row, ['running', 'paused'])
      if (row.state === 'running') await writePause(manager, id, 'by-person', null)
    })
  }

  /**
   * Paused → running. Failures until now are accepted: the limit counts from here.
   * @throws Refusal `STATE`, `CONFLICT` when the engine would only pause again: a missed gate is not waived.
   */
  async resume(namespace: string, id: string, actor: string): Promise<void> {
    await this.change(namespace, id, actor, 'rollout.resumed', async (manager, row) => {
      requireState(row, ['paused'])
      await requireResumable(manager, row, this.clock.nowSeconds())
      for (const stage of await readStages(manager, id))
        await manager.query('UPDATE rollout_stage SET accepted_failures = $3 WHERE rollout_id = $1 AND index = $2', [
          id,
          stage.index,
          failuresOf(stage.counts),
        ])
      // Nobody could begin while it stood still: that silence is not the device's.
      await manager.query(
        `UPDATE deployment SET alive_at = $2
         WHERE rollout_id = $1 AND state IN ('offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting')`,
        [id, this.clock.nowSeconds()],
      )
      await manager.query(
        `UPDATE rollout SET state = 'running', pause_reason = NULL, pause_code = NULL, hold_until = 0, hold_code = NULL WHERE id = $1`,
        [id],
      )
    })
  }

  /** Ends it for good; what is under way is cancelled, what is done stays as it is. @throws Refusal `STATE`. */
  async cancel(namespace: string, id: string, actor: string): Promise<void> {
    await this.change(namespace, id, actor, 'rollout.cancelled', async (manager, row) => {
      requireState(row, ['planned', 'running', 'paused'])
      const now = this.clock.nowSeconds()
      await manager.query(
        `UPDATE deployment SET state = 'cancelled', changed_at = $2 WHERE rollout_id = $1
         AND state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting')`,
        [id, now],
      )
      await this.end(manager, id, 'cancelled', now)
    })
  }

  /** The engine's pause, in its transaction, which holds the rollout. */
  async pauseByEngine(
    manager: EntityManager,
    row: RolloutRecord,
    reason: PauseReason,
    code: string | null,
  ): Promise<void> {
    await writePause(manager, row.id, reason, code)
    const detail = { rollout: row.id, reason, ...(code === null ? {} : { code }) }
    await this.audit.record(manager, { namespace: row.namespace, actor: ENGINE, event: 'rollout.paused', detail })
  }

  /** The engine's end, in its transaction, which holds the rollout. */
  async finishByEngine(manager: EntityManager, row: RolloutRecord): Promise<void> {
    await this.end(manager, row.id, 'finished', this.clock.nowSeconds())
    const detail = { rollout: row.id }
    await this.audit.record(manager, { namespace: row.namespace, actor: ENGINE, event: 'rollout.finished', detail })
  }

  private async end(manager: EntityManager, id: string, state: 'finished' | 'cancelled', now: number): Promise<void> {
    await manager.query(
      'UPDATE rollout SET state = $2, ended_at = $3, pause_reason = NULL, pause_code = NULL WHERE id = $1',
      [id, state, now],
    )
  }

  private async change(
    namespace: string,
    id: string,
    actor: string,
    event: string,
    write: (manager: EntityManager, row: RolloutRecord) => Promise<void>,
  ): Promise<void> {
    await this.database.transaction(async (manager) => {
      await write(manager, await this.lock(manager, namespace, id))
      await this.audit.record(manager, { namespace, actor, event, detail: { rollout: id } })
    })
  }
}

function requireState(row: RolloutRecord, wanted: readonly RolloutRecord['state'][]): void {
  if (!wanted.includes(row.state))
    throw new Refusal('STATE', { what: 'rollout', state: row.state, wanted: wanted.join(' or ') })
}

async function writePause(manager: EntityManager, id: string, reason: PauseReason, code: string | null): Promise<void> {
  await manager.query(
    `UPDATE rollout SET state = 'paused', pause_reason = $2, pause_code = $3 WHERE id = $1 AND state = 'running'`,
    [id, reason, code],
  )
}

async function requireResumable(manager: EntityManager, row: RolloutRecord, now: number): Promise<void> {
  const conflict = (why: string) => new Refusal('CONFLICT', { what: 'rollout', why })
  if (now >= row.expires) throw conflict('the approved plan has ended')
  const open = (await readStages(manager, row.id)).find((stage) => stage.state === 'open')
  if (open !== undefined && judgeGate({ confirmedPercent: row.gate_percent }, open.counts) === 'missed')
    throw conflict(`the gate of stage ${open.index} can no longer hold`)
}
