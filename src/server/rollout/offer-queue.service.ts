import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { isAlways, stateAt } from '../../domain/rollout/calendar.js'
import { isTimeZone } from '../../domain/rollout/local-time.js'
import { calendarsOf } from '../../domain/rollout/rules.js'
import { Filters } from '../targeting/filters.service.js'
import { DeviceZones } from './device-zones.service.js'
import { mayStep } from './members.js'
import type { OfferRound, QueuedRow } from './offer-round.js'
import type { StepRule } from './release-paths.service.js'
import type { RolloutRecord } from './rollout-record.js'
import { SqlParameters } from '../sql-parameters.js'

/** Others get their turn, however many leave. */
const MOST_LOOKS = 32

/** In which zones devices may download now. `isOpenElsewhere`: for devices that stand in no zone that is known. */
export interface OpenZones {
  readonly open: readonly string[]
  readonly unknown: readonly string[]
  readonly isOpenElsewhere: boolean
  /** Whether some are shut. */
  readonly isPartly: boolean
}

/** Who may be offered something in this round: at most so many, by the rule of the step that their release takes. */
export interface QueueQuestion {
  readonly row: RolloutRecord
  readonly round: OfferRound
  readonly rule: StepRule
  readonly zones: OpenZones | null
  readonly now: number
  readonly most: number
}

interface Row {
  readonly device_id: string
  readonly attempt: number
  readonly site: string | null
  readonly fits: boolean
}

/** Who is queued and might be offered something now, in the order in which they are reached. */
@Injectable()
export class OfferQueue {
  constructor(
    private readonly database: DataSource,
    private readonly zones: DeviceZones,
    private readonly filters: Filters,
  ) {}

  /** @returns null when the rollout has no windows for downloads. */
  async findOpenZones(row: RolloutRecord, now: number): Promise<OpenZones | null> {
    const { download, timeZone } = calendarsOf(row.rules.schedule)
    if (isAlways(download)) return null
    const listed = await this.zones.list(row.namespace)
    const known = listed.filter(isTimeZone)
    const open = known.filter((zone) => stateAt(download, zone, now).isOpen)
    const isOpenElsewhere = stateAt(download, timeZone, now).isOpen
    const unknown = listed.filter((zone) => !isTimeZone(zone))
    return { open, unknown, isOpenElsewhere, isPartly: open.length < known.length || !isOpenElsewhere }
  }

  async next(question: QueueQuestion): Promise<readonly QueuedRow[]> {
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      const { rows, haveAllLeft } = await this.look(question)
      // Behind those who leave others may stand who do not.
      if (!haveAllLeft) return rows
    }
    return []
  }

  private async look({
    row,
    round,
    rule,
    zones,
    now,
    most,
  }: QueueQuestion): Promise<{ readonly rows: readonly QueuedRow[]; readonly haveAllLeft: boolean }> {
    const parameters = new SqlParameters()
    const conditions = [
      `p.rollout_id = ${parameters.add(row.id, 'uuid')} AND p.state = 'queued'`,
      `(p.due_at IS NULL OR p.due_at <= ${parameters.add(now, 'bigint')})`,
    ]
    if (!round.mayReachMore) conditions.push('p.attempt > 1')
    if (zones !== null) conditions.push(inOpenZone(zones, parameters))
    if (rule.isRestricted) conditions.push(mayStep(rule, parameters))
    if (round.fullSites.length > 0)
      conditions.push(`coalesce(d.attributes ->> 'site' <> ALL (${parameters.add(round.fullSites, 'text[]')}), true)`)
    const fits = row.filter === null ? 'true' : this.filters.conditionOf(row.namespace, row.filter, parameters)
    const rows = await this.database.query<Row[]>(
      `SELECT p.device_id, p.attempt, d.attributes ->> 'site' AS site, p.attempt > 1 OR (${fits}) IS TRUE AS fits
       FROM deployment p JOIN device d ON d.namespace = p.namespace AND d.id = p.device_id
       WHERE ${conditions.join(' AND ')} ORDER BY p.stage, p.place LIMIT ${parameters.add(most, 'bigint')}`,
      parameters.values,
    )
    const left = rows.filter((each) => !each.fits).map((each) => each.device_id)
    if (left.length > 0) await this.letGo(row.id, left, now)
    const fitting = rows.filter((each) => each.fits)
    return {
      rows: fitting.map((each) => ({ deviceId: each.device_id, attempt: each.attempt, site: each.site })),
      haveAllLeft: rows.length > 0 && fitting.length === 0,
    }
  }

  /** They fit the filter no more, and were offered nothing yet: they leave, and are asked again when they fit again. */
  private async letGo(rolloutId: string, deviceIds: readonly string[], now: number): Promise<void> {
    await this.database.query(
      `UPDATE deployment SET state = 'superseded', changed_at = $3
       WHERE rollout_id = $1 AND device_id = ANY ($2) AND state = 'queued' AND attempt = 1`,
      [rolloutId, deviceIds.toSorted(), now],
    )
  }

  /** Devices whose assignment is in its last quarter. */
  async expiring(row: RolloutRecord, now: number, most: number): Promise<readonly QueuedRow[]> {
    const rows = await this.database.query<{ device_id: string }[]>(
      `SELECT device_id FROM deployment WHERE rollout_id = $1 AND assignment IS NOT NULL AND state <> 'queued'
         AND assignment_expires - (assignment_expires - assigned_at) / 4 <= $2 ORDER BY device_id LIMIT $3`,
      [row.id, now, most],
    )
    return rows.map((each) => ({ deviceId: each.device_id, attempt: 0, site: null }))
  }
}

function inOpenZone({ open, unknown, isOpenElsewhere }: OpenZones, parameters: SqlParameters): string {
  const zone = `d.attributes ->> 'timeZone'`
  const isOpen = `${zone} = ANY (${parameters.add(open, 'text[]')})`
  // A zone that was told a moment ago is not in the list yet: its devices wait until it is.
  return isOpenElsewhere
    ? `(${isOpen} OR ${zone} IS NULL OR ${zone} = ANY (${parameters.add(unknown, 'text[]')}))`
    : isOpen
}
