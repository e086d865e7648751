import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { findOpening, isAlways, stateAt, type Calendar } from '../../domain/rollout/calendar.js'
import { addCounts, inFlightOf } from '../../domain/rollout/counts.js'
import type { Rollout } from '../../domain/rollout/rollout-state.js'
import { calendarsOf } from '../../domain/rollout/rules.js'
import { zoneOf } from './device-zones.service.js'
import { HeldAnswers } from './held-answers.js'
import type { WaitReason } from './offer-round.js'
import type { RolloutRecord } from './rollout-record.js'

/** Where devices stand that wait, and when the next is due, is asked this seldom: it takes a look at each of them. */
const HELD_MS = 2_000
const WINDOW: WaitReason = 'WINDOW_CLOSED'

/** What a rollout that runs waits for, and until when in seconds since the epoch, where that is known. */
export interface Wait {
  readonly waitingFor: string | null
  readonly waitsUntil: number | null
}
const nothing: Wait = { waitingFor: null, waitsUntil: null }
type Waiting = 'queued' | 'downloaded'

/** Why nothing happens in a rollout just now. */
@Injectable()
export class RolloutWaits {
  private readonly zones = new HeldAnswers<readonly string[]>(HELD_MS)
  private readonly retries = new HeldAnswers<number>(HELD_MS)

  constructor(private readonly database: DataSource) {}

  /** By its own state, before what offers said last. */
  async find(row: RolloutRecord, rollout: Rollout, now: number): Promise<Wait> {
    if (row.state !== 'running') return nothing
    if (now < row.not_before) return { waitingFor: 'NOT_BEFORE', waitsUntil: row.not_before }
    const open = rollout.stages.find((stage) => stage.state === 'open')
    if (open !== undefined && open.heldSince !== null)
      return { waitingFor: 'SOAK', waitsUntil: open.heldSince + open.soakSeconds }
    const { download, install } = calendarsOf(row.rules.schedule)
    if (row.hold_code === WINDOW)
      return { waitingFor: WINDOW, waitsUntil: await this.findFirst(row, 'queued', download, now) }
    if (row.hold_code === null && isOnlyToInstall(row, rollout) && !isAlways(install)) {
      const waitsUntil = await this.findFirst(row, 'downloaded', install, now, true)
      if (waitsUntil !== null) return { waitingFor: WINDOW, waitsUntil }
    }
    if (row.hold_code === null) return this.findRetry(row, rollout, now)
    return { waitingFor: row.hold_code, waitsUntil: row.hold_until > now ? row.hold_until : null }
  }

  /** Whether all that is left is further attempts at devices, none of them due. */
  private async findRetry(row: RolloutRecord, { stages }: Rollout, now: number): Promise<Wait> {
    const counts = addCounts(stages.map((stage) => stage.counts))
    if (counts.queued === 0 || inFlightOf(counts) > 0) return nothing
    const due = await this.retries.find(row.id, async () => {
      const [found] = await this.database.query<{ due: number | null }[]>(
        `SELECT min(coalesce(due_at, 0)) AS due FROM deployment WHERE rollout_id = $1 AND state = 'queued'`,
        [row.id],
      )
      return found?.due ?? 0
    })
    return due > now ? { waitingFor: 'RETRY_LATER', waitsUntil: due } : nothing
  }

  /**
   * When the first window opens of those that are shut where devices in that state stand.
   * @param shutEverywhere only when all are shut. @returns null when none is shut, or none opens before the plan ends.
   */
  private async findFirst(
    row: RolloutRecord,
    state: Waiting,
    calendar: Calendar,
    now: number,
    shutEverywhere = false,
  ): Promise<number | null> {
    const zones = await this.zonesOf(row, state)
    const shut = zones.filter((zone) => !stateAt(calendar, zone, now).isOpen)
    if (shutEverywhere && shut.length < zones.length) return null
    const openings = shut.flatMap((zone) => findOpening(calendar, zone, now, row.expires) ?? [])
    return openings.length === 0 ? null : Math.min(...openings.map(({ from }) => from))
  }

  private zonesOf(row: RolloutRecord, state: Waiting): Promise<readonly string[]> {
    return this.zones.find(`${row.id} ${state}`, async () => {
      const rows = await this.database.query<{ zone: string | null }[]>(
        `SELECT DISTINCT d.attributes ->> 'timeZone' AS zone
         FROM deployment p JOIN device d ON d.namespace = p.namespace AND d.id = p.device_id
         WHERE p.rollout_id = $1 AND p.state = $2`,
        [row.id, state],
      )
      return [...new Set(rows.map(({ zone }) => zoneOf(zone, row.rules.schedule.timeZone)))]
    })
  }
}

/** Whether every device that is under way has the image, and nobody else is to get it. */
function isOnlyToInstall(row: RolloutRecord, { stages }: Rollout): boolean {
  const counts = addCounts(stages.map((stage) => stage.counts))
  const isAlone = counts.downloaded > 0 && counts.queued === 0 && counts.downloaded === inFlightOf(counts)
  return isAlone && row.rules.mode !== 'download-only'
}
