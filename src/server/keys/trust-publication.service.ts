import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { sha256 } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { openFreshness, requireFresh } from '../../domain/trust/check-freshness.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { NamespaceWatch } from '../namespace-watch.js'
import { ServerConfig } from '../server-config.js'
import { Signers } from '../signing/signer.port.js'
import { DueWatch } from './due-watch.service.js'
import { TrustPublisher } from './trust-publisher.port.js'
import type { TrustSnapshot } from './trust-snapshot.js'
import { TrustStore } from './trust-store.service.js'
import { TrustService } from './trust.service.js'

/** A quarter of a statement's life: three renewals may fail before a device notices. */
const RENEW_SECONDS = 6 * 3_600
const LOOK_MS = 15_000

/** Keeps the freshness statement young, and tells devices whenever trust has moved. */
@Injectable()
export class TrustPublication extends NamespaceWatch {
  constructor(
    config: ServerConfig,
    private readonly trust: TrustService,
    private readonly store: TrustStore,
    private readonly signers: Signers,
    private readonly publisher: TrustPublisher,
    private readonly due: DueWatch,
    private readonly database: DataSource,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {
    super(config.namespaces, LOOK_MS, (error, namespace) => log.error('trust.not-announced', error, { namespace }))
  }

  /**
   * Fetches a statement that names the newest root and KRL, and signals both to devices (t3 of a revocation).
   * Without an online signer the signal goes out with the statement held: a revocation waits for nothing.
   */
  async announce(namespace: string): Promise<void> {
    await this.renew(namespace)
    const { state, krl, freshness } = await this.trust.reload(namespace)
    await this.publisher.publish(namespace, {
      rootVersion: state.root.version,
      krlNumber: krl?.version ?? 0,
      krlSha256: krl === null ? null : sha256(krl.document),
      krl: krl?.document ?? null,
      freshness: freshness?.document ?? null,
    })
    await this.database.query(
      `UPDATE krl_request SET published_ms = $2
        WHERE namespace = $1 AND state = 'signed' AND published_ms IS NULL AND number <= $3`,
      [namespace, this.clock.nowMs(), krl?.version ?? 0],
    )
    // A new document may be the one that something falls due by: nobody waits an hour to hear of it.
    await this.due.look()
  }

  private async renew(namespace: string): Promise<void> {
    const { state, krl } = await this.trust.reload(namespace)
    if (krl === null) return
    try {
      const document = await this.signers.freshness(namespace, null)
      // Nothing goes out that a device would refuse (I-2).
      const content = openFreshness(state, document, this.clock.nowSeconds(), null, nativeAlgorithms)
      requireFresh(state, content)
      await this.store.storeFreshness(namespace, document, content)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.log.error('freshness.not-renewed', error, { namespace })
    }
  }

  /** Once at start whatever is stored: the broker may have lost what it retained. */
  protected override async lookAt(namespace: string, isStart: boolean): Promise<void> {
    const snapshot = await this.trust.snapshot(namespace)
    if (snapshot.krl !== null && (isStart || this.isBehind(snapshot))) await this.announce(namespace)
  }

  /** Also what another instance, or this one before a crash, stored and did not get to announce. */
  private isBehind({ state, krl, freshness }: TrustSnapshot): boolean {
    if (freshness === null) return true
    const isOld = this.clock.nowSeconds() - freshness.time >= RENEW_SECONDS
    return isOld || freshness.krlNumber < (krl?.version ?? 0) || freshness.rootVersion < state.root.version
  }
}
