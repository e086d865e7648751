import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import { DecisionLog } from '../http/decision-log.service.js'

const FLUSH_MS = 5_000

type Protocol = 'native' | 'ddi'

export interface RefusalCount {
  readonly kind: string
  readonly count: number
  readonly lastAt: number
}

/** How often devices of a namespace were told "no", by kind. Gathered in memory, written together. */
@Injectable()
export class RefusalCounts implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private counts = new Map<
    string,
    { readonly namespace: string; readonly protocol: Protocol; readonly kind: string; count: number; lastAt: number }
  >()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly database: DataSource,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.flush(), FLUSH_MS)
    this.timer.unref()
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer)
    await this.flush()
  }

  /** @param kind a refusal's code: there are few, whatever clients send. */
  note(namespace: string, protocol: Protocol, kind: string): void {
    const name = `${namespace} ${protocol} ${kind}`
    const known = this.counts.get(name) ?? { namespace, protocol, kind, count: 0, lastAt: 0 }
    known.count += 1
    known.lastAt = this.clock.nowSeconds()
    this.counts.set(name, known)
  }

  async list(namespace: string, protocol: Protocol): Promise<readonly RefusalCount[]> {
    await this.flush()
    return this.database.query<RefusalCount[]>(
      `SELECT kind, count, last_at AS "lastAt" FROM device_refusal WHERE namespace = $1 AND protocol = $2 ORDER BY kind`,
      [namespace, protocol],
    )
  }

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
          rows.map((row) => row.protocol),
          rows.map((row) => row.kind),
          rows.map((row) => row.count),
          rows.map((row) => row.lastAt),
        ],
      )
    } catch (error) {
      this.log.error('device.refusals.lost', error, { kinds: rows.length })
    }
  }
}
