import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import type { RefusalCode } from '../../domain/refusal.js'
import { DecisionLog } from '../http/decision-log.service.js'

const FLUSH_MS = 2_000

export interface RefusedReportsView {
  readonly items: readonly { readonly code: string; readonly reports: number; readonly lastAt: number }[]
}

/** How many reports were refused, and why. Gathered in memory and written together: whoever sends rubbish causes no write each time. */
@Injectable()
export class RefusedReports implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private counts = new Map<string, { namespace: string; code: string; reports: number }>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly database: DataSource,
    private readonly clock: Clock,
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

  note(namespace: string, code: RefusalCode): void {
    const name = `${namespace} ${code}`
    const reports = (this.counts.get(name)?.reports ?? 0) + 1
    this.counts.set(name, { namespace, code, reports })
  }

  async list(namespace: string): Promise<RefusedReportsView> {
    await this.flush()
    const rows = await this.database.query<{ code: string; reports: number; last_at: number }[]>(
      'SELECT code, reports, last_at FROM refused_report WHERE namespace = $1 ORDER BY code',
      [namespace],
    )
    return { items: rows.map((row) => ({ code: row.code, reports: row.reports, lastAt: row.last_at })) }
  }

  /** What cannot be written now is kept for the next time. */
  private async flush(): Promise<void> {
    const rows = [...this.counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
    if (rows.length === 0) return
    this.counts = new Map()
    try {
      await this.database.query(
        `INSERT INTO refused_report (namespace, code, reports, last_at)
         SELECT n.namespace, n.code, n.reports, $4 FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n (namespace, code, reports)
         ON CONFLICT (namespace, code) DO UPDATE SET reports = refused_report.reports + excluded.reports, last_at = excluded.last_at`,
        [
          rows.map((row) => row.namespace),
          rows.map((row) => row.code),
          rows.map((row) => row.reports),
          this.clock.nowSeconds(),
        ],
      )
    } catch (error) {
      this.log.error('report.refused.uncounted', error)
      for (const { namespace, code, reports } of rows) {
        const held = this.counts.get(`${namespace} ${code}`)?.reports ?? 0
        this.counts.set(`${namespace} ${code}`, { namespace, code, reports: held + reports })
      }
    }
  }
}
