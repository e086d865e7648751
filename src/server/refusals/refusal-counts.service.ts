import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'

const FLUSH_MS = 5_000

/** What was refused: a call in one of the two protocols, or a report, whichever way it came. */
type Refused = 'native' | 'ddi' | 'report'

export interface RefusalCount {
  readonly kind: string
  readonly count: number
  readonly lastAt: number
}

interface Counted {
  readonly namespace: string
  readonly refused: Refused
  readonly kind: string
  readonly count: number
  readonly lastAt: number
}

/** How often devices of a namespace were told "no", by kind. Gathered in memory, written together. */
@Injectable()
export class RefusalCounts implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private counts = new Map<string, Counted>()
  private readonly rounds: RepeatedRound

  constructor(
    private readonly database: DataSource,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {
    this.rounds = new RepeatedRound(
      FLUSH_MS,
      () => this.flush(),
      (error) => this.log.error('device.refusals.unwritten', error),
    )
  }

  onApplicationBootstrap(): void {
    this.rounds.begin()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.rounds.end()
    await this.flush().catch((error: unknown) => this.log.error('device.refusals.unwritten', error))
  }

  /** @param kind a refusal's code: there are few, whatever clients send. */
  note(namespace: string, refused: Refused, kind: string): void {
    this.add({ namespace, refused, kind, count: 1, lastAt: this.clock.nowSeconds() })
  }

  private add(one: Counted): void {
    const name = `${one.namespace} ${one.refused} ${one.kind}`
    const known = this.counts.get(name)
    this.counts.set(name, {
      ...one,
      count: one.count + (known?.count ?? 0),
      lastAt: Math.max(one.lastAt, known?.lastAt ?? 0),
    })
  }

  async list(namespace: string, refused: Refused): Promise<readonly RefusalCount[]> {
    await this.flush()
    return this.database.query<RefusalCount[]>(
      `SELECT kind, count, last_at AS "lastAt" FROM device_refusal WHERE namespace = $1 AND protocol = $2 ORDER BY kind`,
      [namespace, refused],
    )
  }

  /** What cannot be written now is kept for the next time. */
  private async flush(): Promise<void> {
    const rows = [...this.counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
    this.counts = new Map()
    if (rows.length === 0) return
    try {
      await this.database.query(
        `INSERT INTO device_refusal (namespace, protocol, kind, count, last_at)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
         ON CONFLICT (namespace, protocol, kind) DO UPDATE SET count = device_refusal.count + excluded.count, last_at = excluded.last_at`,
        [
          rows.map((row) => row.namespace),
          rows.map((row) => row.refused),
          rows.map((row) => row.kind),
          rows.map((row) => row.count),
          rows.map((row) => row.lastAt),
        ],
      )
    } catch (error) {
      for (const row of rows) this.add(row)
      throw error
    }
  }
}
