import { Injectable } from '@nestjs/common'
import type { EntityManager } from 'typeorm'
import { isWindowOpen } from '../../domain/trust/policy-limits.js'
import { AuditService } from '../audit/audit.service.js'
import { TrustService } from '../keys/trust.service.js'

/**
 * What was signed while the change window is closed took the break-glass quorum: the signer let nobody else through. Everybody who
 * listens to events should hear of that, and not only who reads the signer's log and journal, where the alarm is written first.
 */
@Injectable()
export class BreakGlass {
  constructor(
    private readonly trust: TrustService,
    private readonly audit: AuditService,
  ) {}

  /** Call in the transaction that stores what was signed. */
  async note(
    manager: EntityManager,
    namespace: string,
    detail: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const { policy, now } = await this.trust.peopleContext(namespace)
    if (isWindowOpen(policy.limits.windows, now)) return
    await this.audit.record(manager, { namespace, actor: 'release signer', event: 'release.break-glass', detail })
  }
}
