import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { dueDates, type Due } from '../../domain/trust/falling-due.js'
import type { Policy } from '../../domain/trust/policy.js'
import { AuditService } from '../audit/audit.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { NamespaceWatch } from '../namespace-watch.js'
import { ServerConfig } from '../server-config.js'
import { TrustService } from './trust.service.js'

const LOOK_MS = 3_600_000

/** Asks for what falls due: an event and a log line 30, 14 and 7 days before, each once (trust.md §7). */
@Injectable()
export class DueWatch extends NamespaceWatch {
  constructor(
    config: ServerConfig,
    private readonly trust: TrustService,
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {
    super(config.namespaces, LOOK_MS, (error, namespace) => log.error('rotation.not-looked-at', error, { namespace }))
  }

  protected override async lookAt(namespace: string): Promise<void> {
    const { state, policyContent: policy } = await this.trust.snapshot(namespace)
    for (const due of dueDates(state, policy, this.clock.nowSeconds()))
      if (due.notice !== null) await this.giveNotice(namespace, { ...due, notice: due.notice }, policy)
  }

  private async giveNotice(
    namespace: string,
    due: Due & { readonly notice: number },
    policy: Policy | null,
  ): Promise<void> {
    const { what, notice, at, ends } = due
    const facts = { what, notice, ends, ...tellOf(due, policy) }
    const isFirst = await this.database.transaction(async (manager) => {
      // Of several instances that see it at once one gives the notice.
      const added = await manager.query<unknown[]>(
        `INSERT INTO due_notice (namespace, what, due_at, days, noticed_at) VALUES ($1, $2, $3, $4, $5)
          ON CONFLICT DO NOTHING RETURNING days`,
        [namespace, what, at, notice, this.clock.nowSeconds()],
      )
      if (added.length === 0) return false
      await this.audit.record(manager, { namespace, actor: 'server', event: 'rotation.due', detail: { ...facts, at } })
      return true
    })
    if (isFirst) this.log.info('rotation.due', { namespace, ...facts, dueAt: at })
  }
}

/** Whom it is for: owners and deputies of the keys, as the policy names them. */
function tellOf({ keyIds }: Due, policy: Policy | null): { readonly owners: string; readonly deputies: string } {
  const rows = keyIds.flatMap((keyId) => [policy?.owners?.get(keyId)].filter((row) => row !== undefined))
  const names = (at: 0 | 1): string => [...new Set(rows.map((row) => row[at]))].join(', ')
  return { owners: names(0), deputies: names(1) }
}
