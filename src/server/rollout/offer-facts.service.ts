import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import type { Site } from '../../domain/rollout/site-budget.js'
import { IN_FLIGHT } from './deployment-sql.js'
import type { RolloutRecord } from './rollout-record.js'

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3_600
/** Devices are moved between sites seldom: how many a site has is counted again after this long. */
const SIZES_HELD_MS = 60_000

/** What rates, pace and budgets are held against. */
@Injectable()
export class OfferFacts {
  private readonly sizes = new Map<string, { readonly sizes: ReadonlyMap<string, number>; readonly readMs: number }>()

  constructor(private readonly database: DataSource) {}

  /** Devices a rollout offered something to for the first time. A minute that is partly over counts whole. */
  async reached(rolloutId: string, now: number): Promise<{ inHour: number; total: number }> {
    const [row] = await this.database.query<{ in_hour: number | null; total: number | null }[]>(
      `SELECT sum(devices) FILTER (WHERE minute > $2)::bigint AS in_hour, sum(devices)::bigint AS total
       FROM rollout_offers WHERE rollout_id = $1`,
      [rolloutId, Math.floor((now - HOUR_SECONDS) / MINUTE_SECONDS) - 1],
    )
    return { inHour: row?.in_hour ?? 0, total: row?.total ?? 0 }
  }

  /** Sites where somebody is under way, in whatever rollout; none when the rollout has no budget for them. */
  async sites(row: RolloutRecord): Promise<ReadonlyMap<string, Site>> {
    const { siteBudget } = row.rules
    if (siteBudget === null) return new Map()
    const busy = await this.database.query<{ site: string; devices: number }[]>(
      `SELECT d.attributes ->> 'site' AS site, count(*) AS devices
       FROM deployment p JOIN device d ON d.namespace = p.namespace AND d.id = p.device_id
       WHERE p.namespace = $1 AND p.state IN (${IN_FLIGHT}) AND d.attributes ? 'site' GROUP BY 1`,
      [row.namespace],
    )
    const inFlight = new Map(busy.map((each) => [each.site, each.devices]))
    if ('devices' in siteBudget)
      return new Map([...inFlight].map(([site, count]) => [site, { devices: 0, inFlight: count }]))
    const sizes = await this.siteSizes(row.namespace)
    return new Map([...sizes].map(([site, devices]) => [site, { devices, inFlight: inFlight.get(site) ?? 0 }]))
  }

  private async siteSizes(namespace: string): Promise<ReadonlyMap<string, number>> {
    const known = this.sizes.get(namespace)
    const nowMs = performance.now()
    if (known !== undefined && nowMs - known.readMs < SIZES_HELD_MS) return known.sizes
    const rows = await this.database.query<{ site: string; devices: number }[]>(
      `SELECT attributes ->> 'site' AS site, count(*) AS devices FROM device
       WHERE namespace = $1 AND decommissioned_at IS NULL AND attributes ? 'site' GROUP BY 1`,
      [namespace],
    )
    const sizes = new Map(rows.map((row) => [row.site, row.devices]))
    this.sizes.set(namespace, { sizes, readMs: nowMs })
    return sizes
  }
}

/** Counts devices that were offered something for the first time, in the transaction that offers it. */
export async function countReached(
  manager: EntityManager,
  rolloutId: string,
  devices: number,
  now: number,
): Promise<void> {
  if (devices === 0) return
  await manager.query(
    `INSERT INTO rollout_offers (rollout_id, minute, devices) VALUES ($1, $2, $3)
     ON CONFLICT (rollout_id, minute) DO UPDATE SET devices = rollout_offers.devices + $3`,
    [rolloutId, Math.floor(now / MINUTE_SECONDS), devices],
  )
}
