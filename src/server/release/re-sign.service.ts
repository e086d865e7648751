import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes, fromHex, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { ApprovedRequest } from '../../domain/trust/check-approvals.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { QuorumService } from '../keys/quorum.service.js'
import { TrustService } from '../keys/trust.service.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { signerNoOf } from '../signer-no.js'
import { Signers } from '../signing/signer.port.js'
import { BreakGlass } from './break-glass.service.js'
import { ReSignApprovalRow } from './re-sign-approval.row.js'
import { ReSignRequestRow } from './re-sign-request.row.js'
import { ReleaseSigning } from './release-signing.service.js'
import { ReleaseRow } from './release.row.js'
import { ReleaseService, type Release } from './release.service.js'

export interface ReSign {
  readonly row: ReSignRequestRow
  readonly release: Release
  readonly approvals: readonly ReSignApprovalRow[]
}

/** A request that waits for people. */
export type ReSignSummary = Pick<ReSignRequestRow, 'id' | 'releaseId' | 'createdBy' | 'createdAt'>

/** A signed release on its way to the signature of a newer key: asked for, approved by distinct persons, its envelope replaced. */
@Injectable()
export class ReSignService {
  constructor(
    private readonly database: DataSource,
    private readonly releases: ReleaseService,
    private readonly signing: ReleaseSigning,
    private readonly quorum: QuorumService,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly breakGlass: BreakGlass,
  ) {}

  /** Opens a request, or gives the one that is open. @throws Refusal `STATE` for a release that is not signed or withdrawn. */
  async open(namespace: string, releaseId: string, caller: Caller): Promise<ReSign> {
    const release = await this.releases.show(namespace, releaseId)
    if (release.state !== 'signed')
      throw new Refusal('STATE', { what: 'release', state: release.state, wanted: 'signed' })
    const id = randomUUID()
    const createdBy = caller.person ?? caller.label
    const values = { id, namespace, releaseId, state: 'awaiting-approval' as const, createdBy }
    await this.database.transaction(async (manager) => {
      const createdAt = this.clock.nowSeconds()
      const insert = manager
        .createQueryBuilder()
        .insert()
        .into(ReSignRequestRow)
        .values({ ...values, createdAt })
      const { raw } = await insert.orIgnore().returning('id').execute()
      if ((raw as unknown[]).length === 0) return
      const detail = { release: releaseId, request: id }
      await this.audit.record(manager, { namespace, actor: createdBy, event: 'release.re-sign-requested', detail })
    })
    return this.show(namespace, releaseId)
  }

  /** Open requests, by id. */
  async listOpen(namespace: string, page: PageQuery): Promise<Page<ReSignSummary>> {
    const { limit, after } = page
    const rows = await this.database
      .getRepository(ReSignRequestRow)
      .createQueryBuilder('q')
      .where(`q.namespace = :namespace AND q.state = 'awaiting-approval'`, { namespace })
      .andWhere(after === undefined ? 'true' : 'q.id > :after', {
        after: after === undefined ? undefined : requireUuid('re-sign request', after),
      })
      .orderBy({ 'q.id': 'ASC' })
      .take(limit + 1)
      .getMany()
    return pageOf(
      rows,
      limit,
      (row) => row.id,
      ({ id, releaseId, createdBy, createdAt }) => ({ id, releaseId, createdBy, createdAt }),
    )
  }

  /** The newest request of a release. @throws Refusal `NOT_FOUND`. */
  async show(namespace: string, releaseId: string): Promise<ReSign> {
    const release = await this.releases.show(namespace, releaseId)
    const row = await this.database
      .getRepository(ReSignRequestRow)
      .findOne({ where: { releaseId, namespace }, order: { createdAt: 'DESC', id: 'DESC' } })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 're-sign request', id: releaseId })
    const approvals = await this.database
      .getRepository(ReSignApprovalRow)
      .find({ where: { reSignRequestId: row.id }, order: { receivedAt: 'ASC', person: 'ASC' } })
    return { row, release, approvals }
  }

  /**
   * Takes one person's approval; the one that meets the quorum has the release signed again.
   * @throws Refusal `APPROVER_REPEATED`, `APPROVER_IS_REQUESTER`, `APPROVAL_*`, `STATE`, `SIGNER_*`, …
   */
  async approve(namespace: string, releaseId: string, document: Uint8Array): Promise<ReSign> {
    const held = await this.show(namespace, releaseId)
    const { row, release, approvals } = held
    const isRepeat = approvals.some((each) => equalBytes(each.document, document))
    if (isRepeat && row.state === 'signed') return held
    if (row.state !== 'awaiting-approval')
      throw new Refusal('STATE', { what: 're-sign request', state: row.state, wanted: 'awaiting-approval' })
    const subject = await this.subjectOf(row, release.row)
    if (!isRepeat) await this.store(held, document, subject)
    await this.finish(row, release.row, subject)
    return this.show(namespace, releaseId)
  }

  /** Requests that the signer refused because the change window was closed. */
  waitingForWindow(namespace: string): Promise<ReSignRequestRow[]> {
    return this.database
      .getRepository(ReSignRequestRow)
      .createQueryBuilder('q')
      .where({ namespace, state: 'awaiting-approval' })
      .andWhere(`q.lastRefusal ->> 'code' = 'CHANGE_WINDOW_CLOSED'`)
      .getMany()
  }

  /** Asks the signer once more, where the quorum is there. @throws Refusal `SIGNER_*`. */
  async askAgain({ namespace, releaseId }: ReSignRequestRow): Promise<void> {
    const { row, release } = await this.show(namespace, releaseId)
    await this.finish(row, release.row, await this.subjectOf(row, release.row))
  }

  private async subjectOf({ id: requestId }: ReSignRequestRow, release: ReleaseRow): Promise<ApprovedRequest> {
    const subject = await this.signing.subjectOf(release).catch((error: unknown) => {
      // Who submitted it may have left since; the signer knows from its own journal whom not to count.
      if (error instanceof Refusal) return { image: imageOf(release), requester: null }
      throw error
    })
    const { image, requester } = subject
    return { operation: 're-sign', subjectSha256: release.manifestSha256, requestId, image, requester }
  }

  private async store({ row, approvals }: ReSign, document: Uint8Array, subject: ApprovedRequest): Promise<void> {
    const { id: reSignRequestId, namespace, releaseId } = row
    const { approval, person, keyId } = await this.quorum.check(namespace, document, subject)
    const earlier = approvals.find((each) => each.person === person)
    // Where the signer refused it may be given again, to ask once more.
    if (earlier && row.lastRefusal === null && (await this.quorum.holds(namespace, earlier.document, subject)))
      throw new Refusal('APPROVER_REPEATED', { person })
    await this.database.transaction(async (manager) => {
      const receivedAt = this.clock.nowSeconds()
      const values = { reSignRequestId, person, role: approval.role, keyId: fromHex(keyId), document, receivedAt }
      await manager.upsert(ReSignApprovalRow, values, ['reSignRequestId', 'person'])
      const detail = { release: releaseId, request: reSignRequestId, keyId, sha256: toHex(sha256(document)) }
      await this.audit.record(manager, { namespace, actor: person, event: 'release.re-sign-approved', detail })
    })
  }

  private async finish(request: ReSignRequestRow, release: ReleaseRow, subject: ApprovedRequest): Promise<void> {
    // The row stays locked while the signer works (I-7): of two callers the second finds it signed.
    const refusal = await this.database.transaction(async (manager) => {
      const row = await manager.findOneOrFail(ReSignRequestRow, {
        where: { id: request.id },
        lock: { mode: 'pessimistic_write' },
      })
      if (row.state !== 'awaiting-approval') return null
      const held = await manager.findBy(ReSignApprovalRow, { reSignRequestId: row.id })
      const documents = held.map((each) => each.document)
      const approvals = await this.quorum.findQuorum(row.namespace, documents, subject)
      return approvals === null ? null : this.sign(manager, row, release, approvals)
    })
    if (refusal !== null) throw refusal
  }

  private async sign(
    manager: EntityManager,
    { id, namespace }: ReSignRequestRow,
    release: ReleaseRow,
    approvals: readonly Uint8Array[],
  ): Promise<Refusal | null> {
    const { manifest, manifestText: text, manifestSha256 } = release
    const about = { release: release.id, request: id }
    try {
      const trust = await this.trust.courier(namespace)
      const envelope = await this.signers.reSign(namespace, { trust, requestId: id, approvals, manifest, text })
      await this.signing.requireAcceptable(release, envelope)
      const signedAt = this.clock.nowSeconds()
      await manager.update(ReSignRequestRow, { id }, { state: 'signed', signedAt, lastRefusal: null })
      await manager.update(ReleaseRow, { id: release.id }, { envelope })
      const detail = { ...about, manifestSha256: toHex(manifestSha256), envelopeSha256: toHex(sha256(envelope)) }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'release.re-signed', detail })
      await this.breakGlass.note(manager, namespace, detail)
      return null
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const lastRefusal = signerNoOf(error)
      await manager.update(ReSignRequestRow, { id }, { lastRefusal })
      const detail = { ...about, ...lastRefusal }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'release.re-sign-refused', detail })
      return error
    }
  }
}

const imageOf = ({
  imageSha256,
  imageSizeBytes,
  sequence,
  classId,
  version,
}: ReleaseRow): ApprovedRequest['image'] => ({
  imageSha256,
  imageSizeBytes,
  sequence,
  classId,
  version,
})
