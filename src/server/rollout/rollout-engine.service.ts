import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { addCounts, totalOf } from '../../domain/rollout/counts.js'
import { decide, type RolloutEffect } from '../../domain/rollout/decide.js'
import { reachOf } from '../../domain/rollout/stage.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { ServerConfig } from '../server-config.js'
import { Election } from './election.js'
import { OfferService } from './offer.service.js'
import { ReleaseGuard } from './release-guard.service.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { RolloutLifecycle } from './rollout-lifecycle.service.js'
import { limitOf, readStages, type RolloutRecord, type StageRecord } from './rollout-record.js'
import { countMembers, openStage, queueDevices } from './stage-opener.js'

/** More steps in one tick than any rollout has. */
const MOST_STEPS = 100

/**
 * Moves running rollouts on. The domain decides, this carries out: each step is one transaction that starts by holding the
 * rollout, so a step that was interrupted is decided again, and one that was taken is not taken twice.
 */
@Injectable()
export class RolloutEngine implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly election: Election
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private isStopping = false

  constructor(
    private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly trust: TrustService,
    private readonly releases: ReleaseShelf,
    private readonly guard: ReleaseGuard,
    private readonly approvals: RolloutApprovals,
    private readonly lifecycle: RolloutLifecycle,
    private readonly offers: OfferService,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {
    this.election = new Election(database)
  }

  onApplicationBootstrap(): void {
    this.schedule()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true
    clearTimeout(this.timer)
    await this.running?.catch(() => undefined)
    await this.election.resign()
  }

  /** One round over all running rollouts, if this instance is the elected one. Rounds of one instance do not overlap. */
  tick(): Promise<void> {
    this.running ??= this.round().finally(() => {
      this.running = undefined
    })
    return this.running
  }

  private async round(): Promise<void> {
    if (!(await this.election.isElected())) return
    const rows = await this.database.query<RolloutRecord[]>(`SELECT * FROM rollout WHERE state = 'running' ORDER BY id`)
    for (const row of rows) {
      if (this.isStopping) return
      try {
        await this.advance(row)
      } catch (error) {
        // One rollout in trouble holds up no other.
        this.log.error('rollout.tick.failed', error, { rollout: row.id })
      }
    }
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      void this.tick()
        .catch((error: unknown) => this.log.error('rollout.tick.failed', error))
        .finally(() => {
          if (!this.isStopping) this.schedule()
        })
    }, this.config.rolloutTickMs)
    this.timer.unref()
  }

  private async advance(row: RolloutRecord): Promise<void> {
    const now = this.clock.nowSeconds()
    // A namespace that this server no longer serves rests.
    if (!this.config.namespaces.some((each) => each.namespace === row.namespace)) return
    const trust = await this.trust.snapshot(row.namespace)
    const release = await this.releases.findByManifest(row.namespace, row.manifest_sha256)
    const refusal = release === null ? 'RELEASE_UNKNOWN' : (this.guard.findRefusal(trust, release, now)?.code ?? null)
    await this.timeOutSilent(row, now)
    for (let step = 0; step < MOST_STEPS; step += 1) if (!(await this.step(row, refusal, now))) break
    if (release === null || refusal !== null) return
    await this.offers.offer({ rollout: row, release, trust, approvals: await this.approvals.forSigner(row) })
  }

  /** Takes the next step. @returns whether there may be another. */
  private step(row: RolloutRecord, refusal: string | null, now: number): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      const rollout = await this.lifecycle.lock(manager, row.namespace, row.id)
      const stages = await readStages(manager, row.id)
      const [effect] = decide(
        {
          state: rollout.state,
          notBefore: rollout.not_before,
          expires: rollout.expires,
          gate: { confirmedPercent: rollout.gate_percent },
          failureLimit: limitOf(rollout),
          stages,
          releaseRefusal: refusal,
        },
        now,
      )
      if (effect === undefined) return false
      const goesOn = await this.carryOut(manager, rollout, stages, effect, refusal, now)
      this.log.info(`rollout.${effect.kind}`, { rollout: row.id, stage: 'stage' in effect ? effect.stage : null })
      return goesOn
    })
  }

  private async carryOut(
    manager: EntityManager,
    rollout: RolloutRecord,
    stages: readonly StageRecord[],
    effect: RolloutEffect,
    refusal: string | null,
    now: number,
  ): Promise<boolean> {
    switch (effect.kind) {
      case 'open-stage': {
        const stage = stages[effect.stage]
        return stage !== undefined && (await openStage(manager, rollout, stage, placedIn(stages), now)) !== null
      }
      case 'pass-stage':
        await manager.query(
          `UPDATE rollout_stage SET state = 'passed', passed_at = $3 WHERE rollout_id = $1 AND index = $2 AND state = 'open'`,
          [rollout.id, effect.stage, now],
        )
        return true
      case 'pause':
        await this.lifecycle.pauseByEngine(
          manager,
          rollout,
          effect.reason,
          effect.reason === 'release-refused' ? refusal : null,
        )
        return false
      case 'finish':
        if ((await this.queueLate(manager, rollout, stages, now)) > 0) return false
        await this.lifecycle.finishByEngine(manager, rollout)
        return false
    }
  }

  /** Devices that became members, or free, after the last stage opened: they join before the rollout ends. */
  private async queueLate(
    manager: EntityManager,
    rollout: RolloutRecord,
    stages: readonly StageRecord[],
    now: number,
  ): Promise<number> {
    const last = stages.at(-1)
    if (last === undefined || now >= rollout.expires) return 0
    const reach = Math.min(reachOf(last.reach, await countMembers(manager, rollout)), rollout.devices_total)
    const wanted = reach - placedIn(stages)
    return wanted > 0 ? queueDevices(manager, rollout, last.index, wanted, now) : 0
  }

  /** Who was offered something and gave no sign about it for so long gives its place back. */
  private async timeOutSilent(row: RolloutRecord, now: number): Promise<void> {
    await this.database.query(
      `UPDATE deployment SET state = 'timedOut', changed_at = $2 WHERE rollout_id = $1 AND alive_at < $3
       AND state IN ('offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting')`,
      [row.id, now, now - row.silence_seconds],
    )
  }
}

const placedIn = (stages: readonly StageRecord[]): number => totalOf(addCounts(stages.map((stage) => stage.counts)))
