import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'
import { ServerConfig } from '../server-config.js'
import { RolloutClearing } from './rollout-clearing.service.js'
import { ENGINE } from './rollout-steps.service.js'

const ROUND_MS = 600_000

/** Clears rollouts that ended `ROLLOUT_KEEP_DAYS` ago; without that setting nothing goes by itself. Any instance: a row goes once. */
@Injectable()
export class RolloutRetention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: RepeatedRound

  constructor(
    private readonly config: ServerConfig,
    private readonly clearing: RolloutClearing,
    log: DecisionLog,
  ) {
    const failed = (error: unknown): void => log.error('rollout.clearing.failed', error)
    this.rounds = new RepeatedRound(ROUND_MS, () => this.work(), failed)
  }

  onApplicationBootstrap(): void {
    if (this.config.rolloutKeepDays !== undefined) this.rounds.begin()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.rounds.end()
  }

  private async work(): Promise<void> {
    const { rolloutKeepDays: days, namespaces } = this.config
    if (days === undefined) return
    for (const { namespace } of namespaces)
      for (let isDone = false; !isDone && !this.rounds.isStopping;)
        ({ isDone } = await this.clearing.clear(namespace, days, ENGINE, () => this.rounds.isStopping))
  }

  /** One round now. */
  round(): Promise<void> {
    return this.rounds.round()
  }
}
