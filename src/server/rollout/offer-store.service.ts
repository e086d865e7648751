import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { encodeOfferMessage } from '../../protocol/mqtt-payloads.js'
import { deviceTopic } from '../../protocol/mqtt-topics.js'
import { OutboxService, type OutboxMessage } from '../mqtt/outbox.service.js'
import type { Assigned, Attempt, OfferContext } from './assignment-desk.service.js'
import { countReached } from './offer-facts.service.js'
import { transaction } from './transaction.js'

/** Writes offers: state, assignment, count and wake-up are one write. A rollout that was stopped meanwhile offers nothing. */
@Injectable()
export class OfferStore {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: OutboxService,
    private readonly clock: Clock,
  ) {}

  /**
   * Compare and set: of two engines that ask for the same device one finds it queued.
   * @param dueMs when the next offer is due by the rates. @returns false when the rollout does not run any more.
   */
  offer(context: OfferContext, attempts: readonly Attempt[], dueMs: number): Promise<boolean> {
    return this.store(context, attempts, async (manager, assigned) => {
      const now = this.clock.nowSeconds()
      const offered = await writeOffers(manager, context.rollout.id, assigned, now)
      const first = assigned.filter((each) => each.attempt === 1 && offered.has(each.deviceId))
      await countReached(manager, context.rollout.id, first.length, now)
      await manager.query('UPDATE rollout SET offers_due_ms = greatest(offers_due_ms, $2) WHERE id = $1', [
        context.rollout.id,
        dueMs,
      ])
      return offered
    })
  }

  /** New assignments for devices that have an offer already. */
  renew(context: OfferContext, attempts: readonly Attempt[]): Promise<boolean> {
    return this.store(context, attempts, (manager, assigned) =>
      writeRenewals(manager, context.rollout.id, assigned, this.clock.nowSeconds()),
    )
  }

  /** Nothing is asked of the signer before that time. */
  async hold(rolloutId: string, code: string, until: number): Promise<void> {
    await this.database.query('UPDATE rollout SET hold_until = $2, hold_code = $3 WHERE id = $1', [
      rolloutId,
      until,
      code,
    ])
  }

  /** What people see when a rollout has devices queued and offers nothing. */
  async noteWait(rolloutId: string, code: string | null): Promise<void> {
    await this.database.query('UPDATE rollout SET hold_code = $2 WHERE id = $1 AND hold_code IS DISTINCT FROM $2', [
      rolloutId,
      code,
    ])
  }

  private async store(
    { rollout, release }: OfferContext,
    attempts: readonly Attempt[],
    write: (manager: EntityManager, assigned: readonly Assigned[]) => Promise<ReadonlySet<string>>,
  ): Promise<boolean> {
    const assigned = attempts
      .flatMap((attempt) => ('assigned' in attempt ? [attempt.assigned] : []))
      .toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    if (assigned.length === 0) return true
    const isRunning = await transaction(this.database, async (manager) => {
      const running = await manager.query<unknown[]>(
        `SELECT 1 FROM rollout WHERE id = $1 AND state = 'running' FOR NO KEY UPDATE`,
        [rollout.id],
      )
      if (running.length === 0) return false
      const written = await write(manager, assigned)
      const messages = assigned
        .filter((each) => written.has(each.deviceId))
        .map((each): OutboxMessage => ({
          topic: deviceTopic(rollout.namespace, each.deviceId, 'offer'),
          payload: encodeOfferMessage({
            assignment: each.assignment,
            manifestSha256: release.manifestSha256,
            imageSizeBytes: release.imageSizeBytes,
            jitterSeconds: rollout.jitter_seconds,
          }),
          expiresAt: each.expires,
        }))
      await this.outbox.enqueue(manager, messages)
      return true
    })
    this.outbox.wake()
    return isRunning
  }
}

const columns = (assigned: readonly Assigned[]): unknown[] => [
  assigned.map((each) => each.deviceId),
  assigned.map((each) => Buffer.from(each.assignment)),
  assigned.map((each) => each.expires),
]

async function writeOffers(
  manager: EntityManager,
  rolloutId: string,
  assigned: readonly Assigned[],
  now: number,
): Promise<ReadonlySet<string>> {
  const [rows] = await manager.query<[{ device_id: string }[], number]>(
    `UPDATE deployment p SET state = 'offered', assignment = n.assignment, assignment_expires = n.expires, assigned_at = $5,
       alive_at = $5, changed_at = $5, due_at = NULL
     FROM unnest($2::text[], $3::bytea[], $4::bigint[], $6::smallint[]) AS n (device_id, assignment, expires, attempt)
     WHERE p.rollout_id = $1 AND p.device_id = n.device_id AND p.state = 'queued' AND p.attempt = n.attempt
     RETURNING p.device_id`,
    [rolloutId, ...columns(assigned), now, assigned.map((each) => each.attempt)],
  )
  return new Set(rows.map((row) => row.device_id))
}

async function writeRenewals(
  manager: EntityManager,
  rolloutId: string,
  assigned: readonly Assigned[],
  now: number,
): Promise<ReadonlySet<string>> {
  const [rows] = await manager.query<[{ device_id: string }[], number]>(
    `UPDATE deployment p SET assignment = n.assignment, assignment_expires = n.expires, assigned_at = $5
     FROM unnest($2::text[], $3::bytea[], $4::bigint[]) AS n (device_id, assignment, expires)
     WHERE p.rollout_id = $1 AND p.device_id = n.device_id AND p.assignment IS NOT NULL
       AND p.assignment_expires < n.expires AND p.assigned_at < $5
     RETURNING p.device_id`,
    [rolloutId, ...columns(assigned), now],
  )
  return new Set(rows.map((row) => row.device_id))
}
