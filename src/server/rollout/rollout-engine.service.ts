import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { step } from '../../domain/rollout/engine.js'
import type { Rollout, RolloutEvent } from '../../domain/rollout/rollout-state.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { ServerConfig } from '../server-config.js'
import { Election } from './election.js'
import { OfferService } from './offer.service.js'
import { ReleaseGuard } from './release-guard.service.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { readRollout, type RolloutRecord } from './rollout-record.js'
import { RolloutSteps } from './rollout-steps.service.js'
import { Silence } from './silence.service.js'
import { StageFiller } from './stage-filler.service.js'
import { addUpTally } from './tally.js'

/** More steps in one tick than any rollout has. */
const MOST_STEPS = 200

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
    private readonly steps: RolloutSteps,
    private readonly filler: StageFiller,
    private readonly silence: Silence,
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
    this.filler.stop()
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
    const rows = await this.database.query<RolloutRecord[]>(
      `SELECT * FROM rollout WHERE state = 'running' ORDER BY priority DESC, id`,
    )
    const running = new Set(rows.map(({ id }) => id))
    for (const each of [this.filler, this.silence]) each.keepOnly(running)
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
    // A namespace that this server no longer serves rests.
    if (!this.config.namespaces.some((each) => each.namespace === row.namespace)) return
    const trust = await this.trust.snapshot(row.namespace)
    const release = await this.releases.findByManifest(row.namespace, row.manifest_sha256)
    const now = this.clock.nowSeconds()
    const refusal = release === null ? 'RELEASE_UNKNOWN' : (this.guard.findRefusal(trust, release, now)?.code ?? null)
    await this.silence.endFor(row)
    const rollout = await this.stepOn(row, { kind: 'tick', releaseRefusal: refusal })
    await addUpTally(this.database.manager, row.id)
    if (release === null || rollout.state !== 'running') return
    await this.offers.offer({ rollout: row, release, trust, approvals: await this.approvals.forSigner(row) }, rollout)
  }

  /** Takes steps until there is nothing to do but wait. @returns the rollout as it then is. */
  private async stepOn(row: RolloutRecord, tick: RolloutEvent): Promise<Rollout> {
    let event: RolloutEvent | null = tick
    for (let count = 0; count < MOST_STEPS && event !== null && !this.isStopping; count += 1) {
      // Most ticks change nothing: that is seen without holding the rollout.
      const rollout: Rollout = await readRollout(this.database.manager, row)
      if (event.kind === 'tick' && isAtRest(rollout, event, this.clock.nowSeconds())) return rollout
      const taken = await this.steps.take(row.namespace, row.id, event)
      if (taken.rollout.state !== 'running') return taken.rollout
      event = taken.isChanged ? tick : null
      for (const effect of taken.effects) event = await this.filler.carryOut(row, taken.rollout, effect)
    }
    return readRollout(this.database.manager, row)
  }
}

function isAtRest(rollout: Rollout, event: RolloutEvent, now: number): boolean {
  const { rollout: after, effects } = step(rollout, event, now)
  return after === rollout && effects.length === 0
}
