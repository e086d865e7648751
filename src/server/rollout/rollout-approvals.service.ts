import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { fromHex, toBase64Url, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { AuditService } from '../audit/audit.service.js'
import { QuorumService } from '../keys/quorum.service.js'
import { TrustService } from '../keys/trust.service.js'
import { signedIdOf, type RolloutRecord } from './rollout-record.js'
import { RolloutSteps } from './rollout-steps.service.js'

export interface RolloutApprovalView {
  readonly person: string
  readonly role: string
  readonly keyId: string
  readonly time: number
  readonly approval: string
}

interface ApprovalRow {
  readonly person: string
  readonly role: string
  readonly key_id: Buffer
  readonly document: Buffer
  readonly received_at: number
}

/** What fleet managers signed about a rollout's pace. The online signer judges the same bytes again, each time. */
@Injectable()
export class RolloutApprovals {
  constructor(
    private readonly database: DataSource,
    private readonly quorum: QuorumService,
    private readonly trust: TrustService,
    private readonly steps: RolloutSteps,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Keeps one person's approval of the plan.
   * @throws Refusal `STATE` unless planned, `CONFLICT` for a second one of a person, or that of checking it.
   */
  async add(namespace: string, rolloutId: string, document: Uint8Array): Promise<void> {
    await this.database.transaction(async (manager) => {
      const rollout = await this.steps.lock(manager, namespace, rolloutId)
      if (rollout.state !== 'planned')
        throw new Refusal('STATE', { what: 'rollout', state: rollout.state, wanted: 'planned' })
      const { person, keyId, approval } = await this.quorum.check(namespace, document, requestOf(rollout))
      const added = await manager.query<unknown[]>(
        `INSERT INTO rollout_approval (rollout_id, person, role, key_id, document, received_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING person`,
        [rolloutId, person, approval.role, Buffer.from(fromHex(keyId)), Buffer.from(document), this.clock.nowSeconds()],
      )
      if (added.length === 0) throw new Refusal('CONFLICT', { what: 'approval', why: `${person} approved already` })
      const detail = { rollout: rolloutId, planSha256: toHex(rollout.plan_sha256), keyId, role: approval.role }
      await this.audit.record(manager, { namespace, actor: person, event: 'rollout.approved', detail })
    })
  }

  /**
   * Whether people who count approved this plan, and enough of them.
   * @throws Refusal `QUORUM_NOT_MET`: short of the policy's quorum or of its least number of fleet managers.
   */
  async requireMet(rollout: RolloutRecord): Promise<void> {
    const rows = await this.rows(rollout)
    const documents = rows.map((row) => new Uint8Array(row.document))
    const holding = await this.quorum.findQuorum(rollout.namespace, documents, requestOf(rollout))
    const { policy } = await this.trust.peopleContext(rollout.namespace)
    // The signer counts the same way: fleet managers, among the approvals that hold now.
    const fleetManagers = rows.filter(
      (row, index) => row.role === 'fleet-manager' && holding?.some((document) => document === documents[index]),
    )
    if (holding === null || fleetManagers.length < (policy.limits.minRolloutApprovers ?? 0))
      throw new Refusal('QUORUM_NOT_MET', { operation: 'rollout' })
  }

  /** Approvals to ask the signer with: those that hold now, or, when they do not suffice, all, for it to say why. */
  async forSigner(rollout: RolloutRecord): Promise<readonly Uint8Array[]> {
    const documents = (await this.rows(rollout)).map((row) => new Uint8Array(row.document))
    try {
      return (await this.quorum.findQuorum(rollout.namespace, documents, requestOf(rollout))) ?? documents
    } catch (error) {
      // A policy that has ended, say: the signer finds the same and its answer is the one that counts.
      if (error instanceof Refusal) return documents
      throw error
    }
  }

  async list(rollout: RolloutRecord): Promise<readonly RolloutApprovalView[]> {
    const rows = await this.rows(rollout)
    return rows.map((row) => ({
      person: row.person,
      role: row.role,
      keyId: toHex(row.key_id),
      time: row.received_at,
      approval: toBase64Url(row.document),
    }))
  }

  /** What a fallback does people approved together with its parent. */
  private rows(rollout: RolloutRecord): Promise<ApprovalRow[]> {
    return this.database.query<ApprovalRow[]>(
      'SELECT person, role, key_id, document, received_at FROM rollout_approval WHERE rollout_id = $1 ORDER BY received_at, person',
      [signedIdOf(rollout)],
    )
  }
}

/** Approvals of a rollout are over the plan's bytes, and their request is the rollout itself. */
const requestOf = (rollout: RolloutRecord): ApprovedRequest => ({
  operation: 'rollout',
  subjectSha256: new Uint8Array(rollout.plan_sha256),
  requestId: signedIdOf(rollout),
  image: null,
  requester: null,
})
