import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { totalOf } from '../../domain/rollout/counts.js'
import type { Rollout, RolloutEvent, Stage } from '../../domain/rollout/rollout-state.js'
import { reachOf } from '../../domain/rollout/stage.js'
import { Filters } from '../targeting/filters.service.js'
import { keepOnly } from './keep-only.js'
import { countWaiting, findNext, type About, type IdBatch, type Query, type Sought } from './members.js'
import { queueDevices } from './queue-devices.js'
import { ReleasePaths } from './release-paths.service.js'
import { readRollout, readStageFilters, type RolloutRecord } from './rollout-record.js'
import { RolloutSteps, type OutsideEffect } from './rollout-steps.service.js'
import { transaction } from './transaction.js'

/** Devices that one look chooses, in order; a stage that wants more looks again. */
const CHOSEN_AT_ONCE = 100_000
/**
 * For looks over the whole fleet. What the database has counted of `deployment` is old while stages fill: it would choose loops that
 * are short only over as many rows as there were.
 */
const OVER_ALL = `SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '32MB'`
/** Devices that another rollout holds are looked for again after this long, and so that it takes a tenth of the time. */
const HELD_LOOK_MS = 1_000
/** Devices that one transaction queues: short, so that polls and reports hardly notice. */
const BATCH = 2_000

interface Filling {
  readonly queued: number
  readonly isDone: boolean
}

/** Brings devices into stages. Choosing reads, queueing writes in batches; either can be broken off and begun again. */
@Injectable()
export class StageFiller {
  private isStopping = false
  /** Of rollouts that wait for such devices: when they are looked for next. */
  private readonly heldUntilMs = new Map<string, number>()

  constructor(
    private readonly database: DataSource,
    private readonly steps: RolloutSteps,
    private readonly paths: ReleasePaths,
    private readonly filters: Filters,
    private readonly clock: Clock,
  ) {}

  stop(): void {
    this.isStopping = true
  }

  /** What is remembered of all other rollouts goes: they do not run any more. */
  keepOnly(running: ReadonlySet<string>): void {
    keepOnly(this.heldUntilMs, running)
  }

  /** @returns what came of it; null when it is not done yet and will be asked for again. */
  async carryOut(row: RolloutRecord, rollout: Rollout, effect: OutsideEffect): Promise<RolloutEvent | null> {
    switch (effect.kind) {
      case 'measure-stage':
        return this.measure(row, rollout, effect.stage)
      case 'fill-stage':
        return (await this.fill(row, effect.stage, effect.devices, 'any')).isDone
          ? { kind: 'stage-filled', stage: effect.stage }
          : null
      case 'seek-latecomers': {
        const found = await this.seekLatecomers(row, rollout)
        return found === null ? null : { kind: 'latecomers-sought', found }
      }
    }
  }

  private async measure(row: RolloutRecord, rollout: Rollout, stage: number): Promise<RolloutEvent> {
    const counts = rollout.stages.map((each) => totalOf(each.counts))
    const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)
    const members = Math.min(sum(counts) + (await this.countWaiting(row)), mostMembers(row, rollout.stages[stage]))
    return { kind: 'stage-measured', stage, members, placed: sum(counts.slice(0, stage)) }
  }

  /** Devices that would still join, whoever holds them now. */
  async countWaiting(row: RolloutRecord): Promise<number> {
    const [found] = await this.look<{ devices: number }>(row, countWaiting(row, await this.about(row, null)))
    return found?.devices ?? 0
  }

  /**
   * Devices that became members, or free, after the last stage was filled: they join before the rollout ends.
   * @returns null while others hold some that it means: it is not over before they are free, or its plan ends.
   */
  private async seekLatecomers(row: RolloutRecord, rollout: Rollout): Promise<number | null> {
    const beganMs = performance.now()
    if (beganMs < (this.heldUntilMs.get(row.id) ?? 0)) return null
    const last = rollout.stages.at(-1)
    const placed = rollout.stages.reduce((total, stage) => total + totalOf(stage.counts), 0)
    if (last === undefined) return 0
    const members = placed + (await this.countWaiting(row))
    const stage = rollout.stages.length - 1
    // Of those who were superseded some may be free again: they are placed already, and no place of theirs is given to others.
    const superseded = rollout.stages.reduce((total, each) => total + each.counts.superseded, 0)
    const again = superseded > 0 ? (await this.fill(row, stage, superseded, 'placed')).queued : 0
    const wanted = Math.min(reachOf(last.reach, members), row.devices_total) - placed
    const found = again + (wanted > 0 ? (await this.fill(row, stage, wanted, 'new')).queued : 0)
    this.heldUntilMs.delete(row.id)
    if (found > 0 || wanted <= 0 || !(await this.isAnyHeld(row, stage))) return found
    const nowMs = performance.now()
    this.heldUntilMs.set(row.id, nowMs + Math.max(HELD_LOOK_MS, 9 * (nowMs - beganMs)))
    return null
  }

  /** Who is wanted, was not free just now and has no place. */
  private async isAnyHeld(row: RolloutRecord, stage: number): Promise<boolean> {
    const filters = await readStageFilters(this.database, row.id)
    const [found] = await this.look<{ devices: number }>(
      row,
      countWaiting(row, await this.about(row, filters[stage] ?? null)),
    )
    return (found?.devices ?? 0) > 0
  }

  /** @returns `isDone`: as many as were wanted, or all that there are. */
  private async fill(row: RolloutRecord, stage: number, devices: number, sought: Sought): Promise<Filling> {
    const most = Math.min(devices, CHOSEN_AT_ONCE)
    const filters = await readStageFilters(this.database, row.id)
    const about = await this.about(row, filters[stage] ?? null)
    const batches = await this.look<IdBatch>(row, findNext(row, about, sought, most, BATCH))
    let [chosen, queued] = [0, 0]
    for (const batch of batches) {
      if (this.isStopping) return { queued, isDone: false }
      const ids = batch.ids.split(' ')
      chosen += ids.length
      const added = await this.queueBatch(row, stage, ids)
      // Somebody paused it, or another engine has filled the stage.
      if (added === null) return { queued, isDone: false }
      queued += added
    }
    return { queued, isDone: chosen < most || queued >= devices }
  }

  private look<T>(row: RolloutRecord, { text, values }: Query): Promise<T[]> {
    if (row.device_ids !== null) return this.database.query<T[]>(text, [...values])
    return this.database.transaction(async (manager) => {
      await manager.query(OVER_ALL)
      return manager.query<T[]>(text, [...values])
    })
  }

  /** @returns how many of them were free in the end; null when the rollout wants no more. */
  private queueBatch(row: RolloutRecord, stage: number, ids: readonly string[]): Promise<number | null> {
    return transaction(this.database, async (manager) => {
      const current = await this.steps.lock(manager, row.namespace, row.id)
      const rollout = await readRollout(manager, current)
      const wanted = roomIn(rollout, stage, ids.length)
      if (rollout.state !== 'running' || wanted <= 0) return null
      return queueDevices(manager, current, stage, ids.slice(0, wanted).toSorted(), this.clock.nowSeconds())
    })
  }

  private async about(row: RolloutRecord, stageFilter: string | null): Promise<About> {
    const rule = await this.paths.stepRule(row.namespace, row.class_id, row.manifest_sha256)
    return { rule, filters: this.filters, stageFilter }
  }
}

/** With more members than these the stage would reach more devices than people signed for, and wait for offers that never come. */
function mostMembers({ devices_total: total }: RolloutRecord, stage: Stage | undefined): number {
  if (stage === undefined || 'devices' in stage.reach) return total
  return Math.floor((total * 100) / stage.reach.percent)
}

/** An open stage takes as many as it wants; latecomers join a last one that is passed. */
function roomIn(rollout: Rollout, index: number, asked: number): number {
  const stage = rollout.stages[index]
  if (stage?.state === 'passed') return asked
  if (stage?.state !== 'open' || stage.filledAt !== null) return 0
  return Math.min(asked, (stage.wanted ?? 0) - totalOf(stage.counts))
}
