import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { z } from 'zod'
import { ServerClock } from '../clock/server-clock.port.js'

const PLACE_LOCK = 7_420_003
const MAX_PLACED = 10_000
const DAY_MS = 86_400_000
const KEPT_MS = 30 * DAY_MS

/** Ids, digests, numbers and words; no sentences, no secrets. */
export type EventData = Readonly<Record<string, string | number | boolean | null>>

export interface NewEvent {
  readonly namespace: string
  /** A constant of two words, `release.signed`. */
  readonly type: string
  readonly data: EventData
}

export interface StoredEvent extends NewEvent {
  readonly id: string
  /** Grows; what is behind a position that was read is complete. */
  readonly position: number
  readonly atMs: number
}

/** `release.signed`, `rollout.*` or `*`. */
export const eventTypePattern = z
  .string()
  .max(64)
  .regex(/^(\*|[a-z-]+(\.[a-z-]+)*(\.\*)?)$/, 'not a type, nor like rollout.* or *')

/** Patterns for LIKE ANY; the shape above leaves nothing in them to escape. */
export const likePatterns = (types: readonly string[]): string[] => types.map((type) => type.replace('*', '%'))

interface EventRow {
  readonly id: string
  readonly position: number
  readonly namespace: string
  readonly at_ms: number
  readonly type: string
  readonly data: EventData
}

/** Events as they are written and read. */
@Injectable()
export class EventStore {
  constructor(
    private readonly database: DataSource,
    private readonly clock: ServerClock,
  ) {}

  /** Adds events in the caller's transaction, in this order. */
  async record(manager: EntityManager, events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return
    await manager.query(
      `INSERT INTO event (namespace, at_ms, type, data)
       SELECT n.namespace, $4, n.type, n.data FROM unnest($1::text[], $2::text[], $3::jsonb[])
         WITH ORDINALITY AS n (namespace, type, data, place) ORDER BY n.place`,
      [
        events.map(({ namespace }) => namespace),
        events.map(({ type }) => type),
        events.map(({ data }) => JSON.stringify(data)),
        this.clock.nowMs(),
      ],
    )
  }

  /**
   * Gives a position to what was committed since the last call, one caller at a time: a transaction that wrote earlier and commits
   * later gets a later position, so no reader has gone past it.
   */
  async place(): Promise<void> {
    const [waiting] = await this.database.query<unknown[]>('SELECT 1 FROM event WHERE position IS NULL LIMIT 1')
    if (waiting === undefined) return
    await this.database.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [PLACE_LOCK])
      await manager.query(
        `UPDATE event e SET position = n.position FROM (
           SELECT u.number, (SELECT coalesce(max(position), 0) FROM event) + row_number() OVER (ORDER BY u.number) AS position
           FROM (SELECT number FROM event WHERE position IS NULL ORDER BY number LIMIT ${MAX_PLACED}) u) n
         WHERE e.number = n.number`,
      )
    })
  }

  /** @param types patterns of which one has to fit. */
  async read(
    namespace: string,
    after: number,
    limit: number,
    types: readonly string[],
  ): Promise<readonly StoredEvent[]> {
    const rows = await this.database.query<EventRow[]>(
      `SELECT id, position, namespace, at_ms, type, data FROM event
       WHERE namespace = $1 AND position > $2 AND type LIKE ANY ($3::text[]) ORDER BY position LIMIT $4`,
      [namespace, after, likePatterns(types), limit],
    )
    return rows.map(storedOf)
  }

  async readAt(positions: readonly number[]): Promise<readonly StoredEvent[]> {
    const rows = await this.database.query<EventRow[]>(
      'SELECT id, position, namespace, at_ms, type, data FROM event WHERE position = ANY ($1::bigint[])',
      [positions],
    )
    return rows.map(storedOf)
  }

  /** 0 before the first. */
  async newestPosition(): Promise<number> {
    const [row] = await this.database.query<{ newest: number | null }[]>('SELECT max(position) AS newest FROM event')
    return row?.newest ?? 0
  }

  /** Forgets what is older than 30 days; never the newest, from whose position the next one counts. */
  async forgetOld(): Promise<void> {
    await this.database.query('DELETE FROM event WHERE at_ms < $1 AND position < (SELECT max(position) FROM event)', [
      this.clock.nowMs() - KEPT_MS,
    ])
  }
}

const storedOf = ({ at_ms: atMs, ...row }: EventRow): StoredEvent => ({ ...row, atMs })
