import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { isTimeZone } from '../../domain/rollout/local-time.js'

/** Devices move seldom: the zones of a namespace are read again after this long. */
const HELD_MS = 30_000

/** The zone a device goes by: its attribute `timeZone`, or the rollout's where it has none or one that nobody knows. */
export const zoneOf = (attribute: string | null, otherwise: string): string =>
  attribute !== null && isTimeZone(attribute) ? attribute : otherwise

/** The time zones in which devices of a namespace stand. */
@Injectable()
export class DeviceZones {
  private readonly held = new Map<string, { readonly zones: readonly string[]; readonly readMs: number }>()

  constructor(private readonly database: DataSource) {}

  /** As their attributes say, also such as are no time zones. */
  async list(namespace: string): Promise<readonly string[]> {
    const known = this.held.get(namespace)
    const nowMs = performance.now()
    if (known !== undefined && nowMs - known.readMs < HELD_MS) return known.zones
    // From one value of the index to the next: as many look-ups as there are zones, not as there are devices.
    const rows = await this.database.query<{ zone: string }[]>(
      `WITH RECURSIVE zones AS (
         SELECT min(attributes ->> 'timeZone') AS zone FROM device WHERE namespace = $1 AND attributes ? 'timeZone'
         UNION ALL
         SELECT (SELECT min(attributes ->> 'timeZone') FROM device
           WHERE namespace = $1 AND attributes ? 'timeZone' AND attributes ->> 'timeZone' > zones.zone)
         FROM zones WHERE zones.zone IS NOT NULL)
       SELECT zone FROM zones WHERE zone IS NOT NULL`,
      [namespace],
    )
    const zones = rows.map((row) => row.zone)
    this.held.set(namespace, { zones, readMs: nowMs })
    return zones
  }
}
