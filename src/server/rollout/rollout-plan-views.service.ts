import { Injectable } from '@nestjs/common'
import { ModuleRef } from '@nestjs/core'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { forecast, type Forecast } from '../../domain/rollout/forecast.js'
import type { Rollout } from '../../domain/rollout/rollout-state.js'
import { calendarsOf, hasWindows } from '../../domain/rollout/rules.js'
import { reachOf } from '../../domain/rollout/stage.js'
import { Refusal } from '../../domain/refusal.js'
import { TrustService } from '../keys/trust.service.js'
import { requireUuid } from '../request-fields.js'
import { LegacyAdmission, type LegacyRefusal } from './legacy-admission.port.js'
import { PlanCensus, type Census } from './plan-census.service.js'
import { ReleaseGuard } from './release-guard.service.js'
import { ReleaseShelf, type ShelvedRelease } from './release-shelf.service.js'
import { readRollout, readStageFilters, type RolloutRecord } from './rollout-record.js'

/** What a rollout would do if it started now. */
export interface RolloutPlanView {
  readonly rolloutId: string
  readonly devices: {
    /** Those the rollout is about. */
    readonly target: number
    readonly reached: number
    readonly alreadyOnIt: number
    /** Run something newer, and would refuse it. */
    readonly newer: number
    /** Have to take another release first, or can never have it: see `ways`. */
    readonly noPath: number
  }
  /** Of all that may have the release, whatever the stages reach: clients that verify nothing of ours, and why they will not be given it, or null. */
  readonly legacyClients: { readonly devices: number; readonly refusal: LegacyRefusal | null }
  readonly stages: readonly { readonly index: number; readonly devices: number }[]
  readonly bytesToMove: number
  /** When it can be over at the earliest, by windows, rates, pace and soaks; seconds since the epoch. */
  readonly earliestEnd: number | null
  /** Why it is not started, or null. */
  readonly impossible: string | null
  readonly staleTrust: {
    readonly behindRoot: number
    readonly behindKrl: number
    readonly neverReported: number
  }
  /** Devices that cannot take the release as they are, by what they run. */
  readonly ways: readonly {
    /** Null: nothing of ours. */
    readonly version: string | null
    readonly devices: number
    /** What they have to take first, in order; null: nothing leads there. */
    readonly via: readonly string[] | null
  }[]
}

/** Looks ahead, before anything moves. */
@Injectable()
export class RolloutPlanViews {
  constructor(
    private readonly database: DataSource,
    private readonly census: PlanCensus,
    private readonly releases: ReleaseShelf,
    private readonly guard: ReleaseGuard,
    private readonly trust: TrustService,
    private readonly clock: Clock,
    private readonly modules: ModuleRef,
  ) {}

  /** @throws Refusal `NOT_FOUND`. */
  async show(namespace: string, id: string): Promise<RolloutPlanView> {
    const [row] = await this.database.query<RolloutRecord[]>('SELECT * FROM rollout WHERE namespace = $1 AND id = $2', [
      namespace,
      requireUuid('rollout', id),
    ])
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'rollout', id })
    return this.look(row)
  }

  /** @throws Refusal `PLAN_IMPOSSIBLE` naming the reason. */
  async requirePossible(row: RolloutRecord): Promise<void> {
    const { impossible, devices } = await this.look(row)
    if (impossible === null) return
    const kept =
      impossible === 'no-path' ? devices.noPath : impossible === 'already-on-it' ? devices.alreadyOnIt : devices.reached
    throw new Refusal('PLAN_IMPOSSIBLE', { why: impossible, devices: kept })
  }

  private async look(row: RolloutRecord): Promise<RolloutPlanView> {
    const release = await this.releases.requireSigned(row.namespace, row.release_id)
    const trust = await this.trust.snapshot(row.namespace)
    const census = await this.census.take(row, trust.state.root.version, trust.krl?.version ?? 0)
    const rollout = await readRollout(this.database.manager, row)
    const sizes = await this.sizesOf(row, rollout, census.reached)
    const now = this.clock.nowSeconds()
    const foreseen = await this.foresee(row, rollout.stages, sizes, release.imageSizeBytes, now)
    const refusal = this.guard.findRefusal(trust, release, now)
    const reached = sizes.reduce((sum, size) => sum + size, 0)
    const { target, alreadyOnIt, newer, noPath, legacy, staleTrust, ways } = census
    return {
      rolloutId: row.id,
      devices: { target, reached, alreadyOnIt, newer, noPath },
      legacyClients: { devices: legacy, refusal: legacy === 0 ? null : await this.legacyRefusal(row, release) },
      stages: sizes.map((devices, index) => ({ index, devices })),
      bytesToMove: reached * release.imageSizeBytes,
      earliestEnd: 'endsAt' in foreseen ? foreseen.endsAt : null,
      impossible: refusal === null ? impossibleFor(census, foreseen) : 'release-refused',
      staleTrust,
      ways,
    }
  }

  /** Who speaks with them is built upon rollouts, and so is looked up. */
  private legacyRefusal(row: RolloutRecord, { imageSha256 }: ShelvedRelease): Promise<LegacyRefusal | null> {
    const admission = this.modules.get(LegacyAdmission, { strict: false })
    return admission.findRefusal(row.namespace, row.class_id, imageSha256)
  }

  /** A stage with a filter of its own takes no more than fit. */
  private async sizesOf(row: RolloutRecord, rollout: Rollout, reached: number): Promise<readonly number[]> {
    const filters = await readStageFilters(this.database, row.id)
    let before = 0
    const sizes: number[] = []
    for (const [index, { reach }] of rollout.stages.entries()) {
      const asked = Math.max(0, reachOf(reach, reached) - before)
      const filter = filters[index] ?? null
      const size = filter === null ? asked : Math.min(asked, await this.census.countFitting(row, filter))
      sizes.push(size)
      before += size
    }
    return sizes
  }

  private async foresee(
    row: RolloutRecord,
    stages: Awaited<ReturnType<typeof readRollout>>['stages'],
    sizes: readonly number[],
    imageSizeBytes: number,
    now: number,
  ): Promise<Forecast> {
    const calendars = calendarsOf(row.rules.schedule)
    const shares = hasWindows(calendars)
      ? await this.census.zonesByStage(row, sizes, calendars.timeZone)
      : sizes.map((size) => new Map([[calendars.timeZone, size]]))
    return forecast(
      {
        stages: stages.map(({ gate, soakSeconds }, index) => ({
          gate,
          soakSeconds,
          devicesByZone: shares[index] ?? new Map<string, number>(),
        })),
        notBefore: row.not_before,
        expires: row.expires,
        rates: row.rules.rates,
        pace: { devicesPerHour: row.devices_per_hour, devicesTotal: row.devices_total },
        imageSizeBytes,
        ...calendars,
      },
      now,
    )
  }
}

function impossibleFor(census: Census, foreseen: Forecast): string | null {
  if (census.target === 0) return 'no-members'
  if (census.reached === 0) {
    if (census.noPath > 0) return 'no-path'
    return census.newer > 0 ? 'newer-on-all' : 'already-on-it'
  }
  return 'impossible' in foreseen ? foreseen.impossible : null
}
