import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { openSince } from '../../domain/rollout/calendar.js'
import { calendarsOf, hasWindows, type Calendars } from '../../domain/rollout/rules.js'
import { DeploymentService, type HeldDeployment } from './deployment.service.js'
import { IN_FLIGHT } from './deployment-sql.js'
import { zoneOf } from './device-zones.service.js'
import { keepOnly } from './keep-only.js'
import type { RolloutRecord } from './rollout-record.js'
import { transaction } from './transaction.js'

const PAGE = 1_000
/** Silence is looked for twenty times within what is allowed, and at least once a minute. */
const LOOKS = 20
const LONGEST_PAUSE_SECONDS = 60

interface SilentRow extends Omit<HeldDeployment, 'rollout_id' | 'rules'> {
  readonly alive_at: number
  readonly time_zone: string | null
}

/** Gives up on devices that were offered something and have not been heard of since: their places in flight are free again. */
@Injectable()
export class Silence {
  private readonly lookedAt = new Map<string, number>()

  constructor(
    private readonly database: DataSource,
    private readonly deployments: DeploymentService,
    private readonly clock: Clock,
  ) {}

  /** What is remembered of all other rollouts goes: they do not run any more. */
  keepOnly(running: ReadonlySet<string>): void {
    keepOnly(this.lookedAt, running)
  }

  /** Time in which its windows were shut is not a device's silence. */
  async endFor(row: RolloutRecord): Promise<void> {
    const now = this.clock.nowSeconds()
    const pause = Math.min(LONGEST_PAUSE_SECONDS, row.silence_seconds / LOOKS)
    if (now - (this.lookedAt.get(row.id) ?? 0) < pause) return
    this.lookedAt.set(row.id, now)
    const calendars = calendarsOf(row.rules.schedule)
    const deadline = deadlineOf(calendars, now, row.silence_seconds)
    for (let after: string | null = ''; after !== null;) after = await this.endPage(row, after, deadline, now)
  }

  private endPage(
    row: RolloutRecord,
    after: string,
    deadline: (row: SilentRow) => number,
    now: number,
  ): Promise<string | null> {
    return transaction(this.database, async (manager) => {
      const rows = await findSilent(manager, row, after, now - row.silence_seconds)
      const silent = rows.filter((each) => each.alive_at < deadline(each))
      await this.deployments.timeOut(
        manager,
        silent.map((each) => ({ ...each, rollout_id: row.id, rules: row.rules })),
      )
      return rows.length < PAGE ? null : (rows.at(-1)?.device_id ?? null)
    })
  }
}

/** Who was last heard of before this has had its time, in hours in which it might have acted. */
function deadlineOf(calendars: Calendars, now: number, silenceSeconds: number): (row: SilentRow) => number {
  if (!hasWindows(calendars)) return () => now - silenceSeconds
  const known = new Map<string, number>()
  return ({ state, time_zone: timeZone }) => {
    const zone = zoneOf(timeZone, calendars.timeZone)
    const isLoading = state === 'offered' || state === 'downloading'
    const name = `${zone} ${isLoading}`
    const calendar = isLoading ? calendars.download : calendars.install
    const deadline = known.get(name) ?? openSince(calendar, zone, now, silenceSeconds)
    known.set(name, deadline)
    return deadline
  }
}

/** A person who is asked may take their time: a device that waits for them is alive while it polls. */
function findSilent(manager: EntityManager, row: RolloutRecord, after: string, before: number): Promise<SilentRow[]> {
  const isAsked =
    row.rules.mode === 'soft' ? `AND NOT (p.state IN ('offered', 'downloaded') AND d.last_seen_at >= $3)` : ''
  return manager.query<SilentRow[]>(
    `SELECT p.device_id, p.state, p.attempt, p.due_at, p.alive_at, d.attributes ->> 'timeZone' AS time_zone
     FROM deployment p JOIN device d ON d.namespace = p.namespace AND d.id = p.device_id
     WHERE p.rollout_id = $1 AND p.device_id > $2 AND p.state IN (${IN_FLIGHT}) AND p.alive_at < $3 ${isAsked}
     ORDER BY p.device_id LIMIT ${PAGE} FOR NO KEY UPDATE OF p`,
    [row.id, after, before],
  )
}
