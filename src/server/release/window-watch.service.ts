import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { isWindowOpen } from '../../domain/trust/policy-limits.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { NamespaceWatch } from '../namespace-watch.js'
import { ServerConfig } from '../server-config.js'
import { ReSignService } from './re-sign.service.js'
import { ReleaseSigning } from './release-signing.service.js'
import { ReleaseRow } from './release.row.js'

const LOOK_MS = 60_000

/**
 * Asks the signer once more when the change window has opened, for releases and re-signatures that had their quorum while it was closed: nobody has to
 * be up at that hour. Whether it is open the signer judges for itself; any other refusal waits for people, as ever.
 */
@Injectable()
export class WindowWatch extends NamespaceWatch {
  constructor(
    config: ServerConfig,
    private readonly trust: TrustService,
    private readonly signing: ReleaseSigning,
    private readonly reSigns: ReSignService,
    private readonly database: DataSource,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {
    super(config.namespaces, LOOK_MS, (error, namespace) => log.error('window.not-looked-at', error, { namespace }))
  }

  protected override async lookAt(namespace: string): Promise<void> {
    const { policyContent } = await this.trust.snapshot(namespace)
    if (policyContent === null || !isWindowOpen(policyContent.limits.windows, this.clock.nowSeconds())) return
    for (const release of await this.waiting(namespace))
      await this.tryOnce(namespace, release.id, () => this.signing.finish(release))
    for (const request of await this.reSigns.waitingForWindow(namespace))
      await this.tryOnce(namespace, request.releaseId, () => this.reSigns.askAgain(request))
  }

  private async tryOnce(namespace: string, release: string, finish: () => Promise<void>): Promise<void> {
    try {
      await finish()
    } catch (error) {
      // Kept with the release, where people see it.
      if (!(error instanceof Refusal)) throw error
      this.log.info('window.refused', { namespace, release, code: error.code })
    }
  }

  private waiting(namespace: string): Promise<ReleaseRow[]> {
    return this.database
      .getRepository(ReleaseRow)
      .createQueryBuilder('r')
      .where({ namespace, state: 'awaiting-approval' })
      .andWhere(`r.lastRefusal ->> 'code' = 'CHANGE_WINDOW_CLOSED'`)
      .orderBy('r.sequence')
      .getMany()
  }
}
