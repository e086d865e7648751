import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager, MoreThan } from 'typeorm'
import { equalBytes, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { EventStore } from '../events/event-store.service.js'
import { pageOf, type Page, type PageQuery } from '../request-fields.js'
import { CHAIN_START, entrySha256, type AuditDetail } from './audit-chain.js'
import { AuditEntryRow } from './audit-entry.row.js'

/** A change of state that somebody answers for. */
export interface AuditEvent {
  readonly namespace: string
  /** A person of the policy, the label of a token, or a part of the server. */
  readonly actor: string
  /** A constant, `release.created`. */
  readonly event: string
  readonly detail: AuditDetail
}

export interface AuditEntryView extends AuditEvent {
  readonly number: number
  readonly at: number
  readonly previousSha256: string
  readonly sha256: string
}

@Injectable()
export class AuditService {
  constructor(
    private readonly database: DataSource,
    private readonly events: EventStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Adds one entry in the caller's transaction: what is not audited did not happen, and the other way round.
   * Call it last: until the commit other changes of this namespace wait for the end of the chain.
   */
  async record(manager: EntityManager, event: AuditEvent): Promise<void> {
    const { namespace } = event
    await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`audit ${namespace}`])
    const [last] = await manager.find(AuditEntryRow, { where: { namespace }, order: { number: 'DESC' }, take: 1 })
    const entry = {
      ...event,
      number: (last?.number ?? 0) + 1,
      at: this.clock.nowSeconds(),
      previousSha256: last?.sha256 ?? CHAIN_START,
    }
    await manager.insert(AuditEntryRow, { ...entry, sha256: entrySha256(entry) })
    const data = { ...event.detail, actor: event.actor, auditNumber: entry.number }
    await this.events.record(manager, [{ namespace, type: event.event, data }])
  }

  async list(namespace: string, page: PageQuery): Promise<Page<AuditEntryView>> {
    const after = Number(page.after ?? 0)
    if (!Number.isSafeInteger(after) || after < 0)
      throw new Refusal('REQUEST_INVALID', { field: 'after', why: 'not the number of an entry' })
    const rows = await this.database.getRepository(AuditEntryRow).find({
      where: { namespace, number: MoreThan(after) },
      order: { number: 'ASC' },
      take: page.limit + 1,
    })
    return pageOf(rows, page.limit, (row) => String(row.number), viewOf)
  }

  /** Walks the whole chain. @returns the first number that does not fit, or null. */
  async findBreak(namespace: string): Promise<number | null> {
    let previous: { number: number; sha256: Uint8Array } = { number: 0, sha256: CHAIN_START }
    for (;;) {
      const rows = await this.database.getRepository(AuditEntryRow).find({
        where: { namespace, number: MoreThan(previous.number) },
        order: { number: 'ASC' },
        take: 1_000,
      })
      for (const row of rows) {
        const follows = row.number === previous.number + 1 && equalBytes(row.previousSha256, previous.sha256)
        if (!follows || !equalBytes(entrySha256(row), row.sha256)) return previous.number + 1
        previous = row
      }
      if (rows.length === 0) return null
    }
  }
}

const viewOf = (row: AuditEntryRow): AuditEntryView => ({
  namespace: row.namespace,
  number: row.number,
  at: row.at,
  actor: row.actor,
  event: row.event,
  detail: row.detail,
  previousSha256: toHex(row.previousSha256),
  sha256: toHex(row.sha256),
})
