import { Injectable } from '@nestjs/common'
import { Refusal } from '../../domain/refusal.js'
import {
  checkApproval,
  requireQuorum,
  type ApprovedRequest,
  type CheckedApproval,
} from '../../domain/trust/check-approvals.js'
import { TrustService } from './trust.service.js'

/** Approvals under the newest policy, root and KRL, judged by the code that the signers run. */
@Injectable()
export class QuorumService {
  constructor(private readonly trust: TrustService) {}

  /** @throws Refusal `APPROVER_*`, `APPROVAL_*`, `KEY_*`, `SIGNATURE_INVALID`, … */
  async check(namespace: string, approval: Uint8Array, request: ApprovedRequest): Promise<CheckedApproval> {
    return checkApproval(approval, request, await this.trust.peopleContext(namespace))
  }

  /**
   * @returns those of the approvals that hold now, when they meet the quorum; null when they do not.
   * One that has expired, or whose key was revoked since, is left out rather than held against the others.
   */
  async findQuorum(
    namespace: string,
    approvals: readonly Uint8Array[],
    request: ApprovedRequest,
  ): Promise<readonly Uint8Array[] | null> {
    const context = await this.trust.peopleContext(namespace)
    const holding = approvals.filter((each) => isAccepted(() => checkApproval(each, request, context)))
    return isAccepted(() => requireQuorum(holding, request, context)) ? holding : null
  }

  /** Whether an approval that was accepted once would be accepted now. */
  async holds(namespace: string, approval: Uint8Array, request: ApprovedRequest): Promise<boolean> {
    const context = await this.trust.peopleContext(namespace)
    return isAccepted(() => checkApproval(approval, request, context))
  }
}

function isAccepted(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
