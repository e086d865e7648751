import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { step } from '../../domain/rollout/engine.js'
import type { Rollout, RolloutEffect, RolloutEvent } from '../../domain/rollout/rollout-state.js'
import { AuditService } from '../audit/audit.service.js'
import { IN_FLIGHT, takeBack } from './deployment-sql.js'
import { startFallback } from './fallback.js'
import { readRollout, writeRollout, type RolloutRecord } from './rollout-record.js'
import { transaction } from './transaction.js'

export const ENGINE = 'rollout-engine'

/** What a step wants done that is no part of its own transaction: it takes longer, and its outcome is an event of its own. */
export type OutsideEffect = Extract<RolloutEffect, { kind: 'measure-stage' | 'fill-stage' | 'seek-latecomers' }>

export interface TakenStep {
  readonly rollout: Rollout
  readonly isChanged: boolean
  readonly effects: readonly OutsideEffect[]
}

/** Carries out what the domain decides about one rollout: its state, what follows from it, and the audit entry are one write. */
@Injectable()
export class RolloutSteps {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Reads a rollout and holds it until the transaction ends. @throws Refusal `NOT_FOUND`. */
  async lock(manager: EntityManager, namespace: string, id: string): Promise<RolloutRecord> {
    const [row] = await manager.query<RolloutRecord[]>(
      'SELECT * FROM rollout WHERE namespace = $1 AND id = $2 FOR NO KEY UPDATE',
      [namespace, id],
    )
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'rollout', id })
    return row
  }

  /**
   * Takes one event in, whoever takes another one at the same time.
   * @param actor who answers for it in the audit trail.
   * @throws Refusal `NOT_FOUND`, or that of `step`.
   */
  take(namespace: string, id: string, event: RolloutEvent, actor: string = ENGINE): Promise<TakenStep> {
    return transaction(this.database, async (manager) =>
      this.takeIn(manager, await this.lock(manager, namespace, id), event, actor),
    )
  }

  /** As `take`, in the caller's transaction, which holds the row. */
  async takeIn(manager: EntityManager, row: RolloutRecord, event: RolloutEvent, actor: string): Promise<TakenStep> {
    const now = this.clock.nowSeconds()
    const before = await readRollout(manager, row)
    const { rollout, effects } = step(before, event, now)
    await writeRollout(manager, row.id, before, rollout, now)
    const outside: OutsideEffect[] = []
    for (const effect of effects)
      if (effect.kind === 'measure-stage' || effect.kind === 'fill-stage' || effect.kind === 'seek-latecomers')
        outside.push(effect)
      else if (effect.kind !== 'record') await this.carryOut(manager, row, effect, now)
    // Last: until the commit others wait for the end of the audit chain.
    for (const effect of effects)
      if (effect.kind === 'record') {
        const detail = { rollout: row.id, ...effect.detail }
        await this.audit.record(manager, { namespace: row.namespace, actor, event: effect.event, detail })
      }
    return { rollout, isChanged: rollout !== before, effects: outside }
  }

  private async carryOut(
    manager: EntityManager,
    row: RolloutRecord,
    effect: Extract<RolloutEffect, { kind: 'take-back' | 'forgive-silence' | 'start-fallback' }>,
    now: number,
  ): Promise<void> {
    switch (effect.kind) {
      case 'take-back':
        return takeBack(manager, row.id, effect.begun, now)
      case 'forgive-silence':
        await manager.query(
          `UPDATE deployment SET alive_at = $2 WHERE rollout_id = $1 AND state IN (${IN_FLIGHT}) AND alive_at < $2`,
          [row.id, now],
        )
        return
      case 'start-fallback':
        return startFallback(manager, row, now)
    }
  }
}
