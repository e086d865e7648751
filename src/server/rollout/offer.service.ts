import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { addCounts } from '../../domain/rollout/counts.js'
import { isThrough } from '../../domain/rollout/progress.js'
import type { Rollout } from '../../domain/rollout/rollout-state.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { AssignmentDesk, type Attempt, type OfferContext } from './assignment-desk.service.js'
import { OfferFacts } from './offer-facts.service.js'
import { OfferQueue, type OpenZones } from './offer-queue.service.js'
import { OfferRound, type QueuedRow, type WaitReason } from './offer-round.js'
import { OfferStore } from './offer-store.service.js'
import { ReleasePaths } from './release-paths.service.js'
import { RolloutSteps } from './rollout-steps.service.js'
import type { RolloutRecord } from './rollout-record.js'

const CHUNK = 64
/** One call of the engine: others get their turn, and a stop is not kept waiting. */
const MOST_CHUNKS = 32
const SHORT_WAIT_SECONDS = 5

/** Refusals that pass by themselves: the offer waits. Every other one stops the rollout for a person to look at. */
const passing = new Set([
  'PACE_EXCEEDED',
  'RATE_EXCEEDED',
  'PLAN_NOT_ACTIVE',
  'SIGNER_UNAVAILABLE',
  'SIGNER_STORAGE',
  'SIGNER_SUSPENDED',
  'CLOCK_BEHIND',
  'CLOCK_JUMPED',
  'ASSIGNMENT_NEEDS_KRL',
])

/** Offers releases: as far as windows, rates, budgets and the approved pace allow, one signed assignment a device. */
@Injectable()
export class OfferService {
  constructor(
    private readonly database: DataSource,
    private readonly queue: OfferQueue,
    private readonly facts: OfferFacts,
    private readonly paths: ReleasePaths,
    private readonly desk: AssignmentDesk,
    private readonly store: OfferStore,
    private readonly steps: RolloutSteps,
    private readonly clock: ServerClock,
  ) {}

  /**
   * Renews assignments in their last quarter and offers to queued devices.
   * Safe to interrupt: what the signer gave and we lost it gives again without counting the device twice.
   */
  async offer(context: OfferContext, rollout: Rollout): Promise<void> {
    const { rollout: row } = context
    const now = this.clock.nowSeconds()
    if ((await this.holdUntil(row.id)) > now) return
    if (!(await this.renew(context, now))) return
    const counts = addCounts(rollout.stages.map((stage) => stage.counts))
    if (counts.queued === 0) return this.store.noteWait(row.id, isThrough(rollout) ? 'HELD_ELSEWHERE' : null)
    if (now < row.not_before || now >= row.expires) return this.store.noteWait(row.id, null)
    const [reached, sites, zones, rule] = await Promise.all([
      this.facts.reached(row.id, now),
      this.facts.sites(row),
      this.queue.findOpenZones(row, now),
      this.paths.stepRule(row.namespace, row.class_id, row.manifest_sha256),
    ])
    const { imageSizeBytes } = context.release
    const round = new OfferRound(row, { counts, ...reached, imageSizeBytes, sites, nowMs: this.clock.nowMs() })
    for (let chunk = 0; chunk < MOST_CHUNKS; chunk += 1) {
      const { devices, waitsFor } = round.room()
      const most = Math.min(CHUNK, devices)
      const queued = most === 0 ? [] : await this.queue.next({ row, round, rule, zones, now, most })
      const admitted = round.admit(queued)
      if (admitted.length === 0) return this.store.noteWait(row.id, waitsFor ?? waitReason(round, zones))
      if (!(await this.offerTo(context, round, admitted))) return
    }
    await this.store.noteWait(row.id, null)
  }

  private async holdUntil(id: string): Promise<number> {
    const [row] = await this.database.query<{ hold_until: number }[]>(
      `SELECT hold_until FROM rollout WHERE id = $1 AND state = 'running'`,
      [id],
    )
    return row?.hold_until ?? Infinity
  }

  private async renew(context: OfferContext, now: number): Promise<boolean> {
    const rows = await this.queue.expiring(context.rollout, now, CHUNK * MOST_CHUNKS)
    for (let at = 0; at < rows.length; at += CHUNK) {
      const attempts = await this.desk.assignAll(context, rows.slice(at, at + CHUNK))
      await this.store.renew(context, attempts)
      if (!(await this.goesOn(context.rollout, attempts))) return false
    }
    return true
  }

  /** @returns whether there may be more. */
  private async offerTo(context: OfferContext, round: OfferRound, rows: readonly QueuedRow[]): Promise<boolean> {
    const attempts = await this.desk.assignAll(context, rows)
    const assigned = new Set(attempts.flatMap((each) => ('assigned' in each ? [each.assigned.deviceId] : [])))
    round.spend(rows.filter((row) => assigned.has(row.deviceId)))
    const isStored = await this.store.offer(context, attempts, round.dueMs)
    return (await this.goesOn(context.rollout, attempts)) && isStored
  }

  private async goesOn(row: RolloutRecord, attempts: readonly Attempt[]): Promise<boolean> {
    const refused = attempts.find((attempt) => 'code' in attempt)
    if (refused === undefined) return true
    const { code } = refused
    if (passing.has(code)) await this.store.hold(row.id, code, this.clock.nowSeconds() + waitOf(row, code))
    else await this.steps.take(row.namespace, row.id, { kind: 'signer-refused', code })
    return false
  }
}

/** Why none of those who are queued could be chosen; null when they wait for another attempt. */
function waitReason(round: OfferRound, zones: OpenZones | null): WaitReason | null {
  if (!round.mayReachMore) return 'PACE_EXCEEDED'
  if (round.fullSites.length > 0) return 'SITE_BUDGET'
  return zones?.isPartly === true ? 'WINDOW_CLOSED' : null
}

/** With N devices an hour a place is free again after 3600/N seconds on average. */
const waitOf = (row: RolloutRecord, code: string): number =>
  code === 'PACE_EXCEEDED' ? Math.min(60, Math.max(1, Math.ceil(3_600 / row.devices_per_hour))) : SHORT_WAIT_SECONDS
