import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'

/** How far a KRL has come, by what devices said in verified signed reports. Milliseconds count from its publication. */
export interface KrlAcknowledgements {
  readonly number: number
  readonly publishedMs: number | null
  readonly devices: number
  readonly acknowledged: number
  readonly outstanding: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly lastMs: number | null
}

interface CountRow {
  readonly devices: number
  readonly acknowledged: number
}
interface TimesRow {
  readonly p50: number | null
  readonly p99: number | null
  readonly last: number | null
}

/**
 * A device that names a later KRL has this one too. Clients that verify nothing of ours take no KRL and are not waited for, nor are
 * devices that were put out.
 */
const COUNT = `
  SELECT count(*) AS devices, count(*) FILTER (WHERE krl_number >= $2) AS acknowledged
  FROM device WHERE namespace = $1 AND protocol = 'native' AND decommissioned_at IS NULL`

/** Of every device that held an older one when it came; a device that was wiped counts each time. */
const TIMES = `
  SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY after_ms) AS p50,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY after_ms) AS p99, max(after_ms) AS last
  FROM (SELECT greatest(received_ms - $3::bigint, 0) AS after_ms FROM krl_acknowledgement
    WHERE namespace = $1 AND krl_number = $2) AS each`

@Injectable()
export class KrlAcknowledgementService {
  constructor(private readonly database: DataSource) {}

  /** @throws Refusal `NOT_FOUND` for a number that was never signed. */
  async count(namespace: string, number: number): Promise<KrlAcknowledgements> {
    const [krl] = await this.database.query<{ published: number | null }[]>(
      // An emergency KRL has no request: it is published as soon as it is stored.
      `SELECT CASE WHEN r.id IS NULL THEN d.stored_ms ELSE r.published_ms END AS published FROM trust_document d
       LEFT JOIN krl_request r ON r.namespace = d.namespace AND r.number = d.version AND r.state = 'signed'
       WHERE d.namespace = $1 AND d.kind = 'krl' AND d.version = $2`,
      [namespace, number],
    )
    if (krl === undefined) throw new Refusal('NOT_FOUND', { what: 'krl', id: String(number) })
    const [row] = await this.database.query<CountRow[]>(COUNT, [namespace, number])
    const [times] = await this.database.query<TimesRow[]>(TIMES, [namespace, number, krl.published ?? 0])
    const { devices = 0, acknowledged = 0 } = row ?? {}
    const { p50 = null, p99 = null, last = null } = times ?? {}
    // Without a publication there is nothing to count from.
    const since = (ms: number | null): number | null => (krl.published === null ? null : ms)
    return {
      number,
      publishedMs: krl.published,
      devices,
      acknowledged,
      outstanding: Math.max(devices - acknowledged, 0),
      p50Ms: since(p50),
      p99Ms: since(p99),
      lastMs: since(last),
    }
  }
}
