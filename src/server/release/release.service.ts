import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { equalBytes, fromHex, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeManifest, parseManifest } from '../../domain/suit/manifest.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { SubmissionService } from '../intake/submission.service.js'
import { QuorumService } from '../keys/quorum.service.js'
import { TrustService } from '../keys/trust.service.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { ReleaseApprovalRow } from './release-approval.row.js'
import { ReleaseDraft } from './release-draft.service.js'
import { ReleaseSigning } from './release-signing.service.js'
import { ReleaseRow, type StoredReleaseState } from './release.row.js'

export type ReleaseState = StoredReleaseState | 'withdrawn'
export interface Release {
  readonly row: ReleaseRow
  readonly state: ReleaseState
  readonly approvals: readonly ReleaseApprovalRow[]
  readonly submission: Uint8Array
}

/** Releases: proposed, approved by distinct persons, signed once; or rejected, overtaken, withdrawn. */
@Injectable()
export class ReleaseService {
  constructor(
    private readonly database: DataSource,
    private readonly drafts: ReleaseDraft,
    private readonly signing: ReleaseSigning,
    private readonly submissions: SubmissionService,
    private readonly quorum: QuorumService,
    private readonly trust: TrustService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  async create(requestId: string, description: string | null, caller: Caller): Promise<Release> {
    return this.show(caller.namespace, await this.drafts.create(requestId, description, caller))
  }

  /** @throws Refusal `NOT_FOUND`. */
  async show(namespace: string, id: string): Promise<Release> {
    return this.complete(await this.get(namespace, id))
  }

  /** The newest first. */
  async list<T>(namespace: string, page: PageQuery, view: (release: Release) => T): Promise<Page<T>> {
    const before = page.after === undefined ? null : await this.get(namespace, page.after)
    const rows = await this.database
      .getRepository(ReleaseRow)
      .createQueryBuilder('r')
      .where('r.namespace = :namespace', { namespace })
      .andWhere(before === null ? 'true' : '(r.createdAt, r.id) < (:at, :id)', {
        at: before?.createdAt,
        id: before?.id,
      })
      .orderBy({ 'r.createdAt': 'DESC', 'r.id': 'DESC' })
      .take(page.limit + 1)
      .getMany()
    const { items, next } = pageOf(
      rows,
      page.limit,
      (row) => row.id,
      (row) => row,
    )
    return { items: (await Promise.all(items.map((row) => this.complete(row)))).map(view), next }
  }

  /**
   * Takes one person's approval; the one that meets the quorum has the release signed.
   * The same bytes again are no second approval, but try once more to sign.
   * @throws Refusal `APPROVER_REPEATED`, `APPROVER_IS_REQUESTER`, `APPROVAL_*`, `STATE`, `SIGNER_*`, …
   */
  async approve(id: string, approval: Uint8Array, caller: Caller): Promise<Release> {
    const { namespace } = caller
    const { row, state, approvals } = await this.show(namespace, id)
    const isRepeat = approvals.some((held) => equalBytes(held.document, approval))
    if (isRepeat && state === 'signed') return this.show(namespace, id)
    requireState(state, 'awaiting-approval')
    if (!isRepeat) await this.storeApproval(row, approvals, approval)
    await this.signing.finish(row)
    return this.show(namespace, id)
  }

  private async storeApproval(
    release: ReleaseRow,
    held: readonly ReleaseApprovalRow[],
    document: Uint8Array,
  ): Promise<void> {
    const { id: releaseId, namespace, manifestSha256 } = release
    const subject = await this.signing.subjectOf(release)
    const { approval, person, keyId } = await this.quorum.check(namespace, document, subject)
    const earlier = held.find((each) => each.person === person)
    // One that has expired meanwhile may be given anew; one that holds counts once.
    if (earlier && (await this.quorum.holds(namespace, earlier.document, subject)))
      throw new Refusal('APPROVER_REPEATED', { person })
    await this.database.transaction(async (manager) => {
      await manager.upsert(
        ReleaseApprovalRow,
        {
          releaseId,
          manifestSha256,
          person,
          role: approval.role,
          keyId: fromHex(keyId),
          document,
          receivedAt: this.clock.nowSeconds(),
        },
        ['releaseId', 'manifestSha256', 'person'],
      )
      const detail = {
        release: releaseId,
        manifestSha256: toHex(manifestSha256),
        keyId,
        sha256: toHex(sha256(document)),
      }
      await this.audit.record(manager, { namespace, actor: person, event: 'release.approved', detail })
    })
  }

  /** A person says no, with a reason for the others. @throws Refusal `STATE`. */
  async reject(id: string, reason: string, caller: Caller): Promise<Release> {
    const { namespace } = caller
    const { row, state } = await this.show(namespace, id)
    requireState(state, 'awaiting-approval')
    const person = caller.person ?? caller.label
    await this.database.transaction(async (manager) => {
      const rejection = { person, reason, time: this.clock.nowSeconds() }
      const open = { id: row.id, state: 'awaiting-approval' as const }
      const done = await manager.update(ReleaseRow, open, { state: 'rejected', rejection })
      // Signed in this very moment: then the KRL is the way to take it back.
      if (done.affected === 0) requireState('signed', 'awaiting-approval')
      const detail = { release: id, reason, token: caller.tokenId }
      await this.audit.record(manager, { namespace, actor: person, event: 'release.rejected', detail })
    })
    return this.show(namespace, id)
  }

  /** A new sequence number for an overtaken release; everybody approves again. @throws Refusal `STATE`. */
  async renew(id: string, caller: Caller): Promise<Release> {
    const { row, state } = await this.show(caller.namespace, id)
    requireState(state, 'overtaken')
    const manifest = parseManifest(row.manifest)
    await this.drafts.renew(row, (sequence) => encodeManifest({ ...manifest, sequence }), caller)
    return this.show(caller.namespace, id)
  }

  private async get(namespace: string, id: string): Promise<ReleaseRow> {
    const row = await this.database.getRepository(ReleaseRow).findOneBy({ id: requireUuid('release', id), namespace })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'release', id })
    return row
  }

  private async complete(row: ReleaseRow): Promise<Release> {
    const { id: releaseId, namespace, manifestSha256, requestId } = row
    const approvals = await this.database
      .getRepository(ReleaseApprovalRow)
      .find({ where: { releaseId, manifestSha256 }, order: { receivedAt: 'ASC', person: 'ASC' } })
    const { document: submission } = await this.submissions.get(namespace, requestId)
    const { state: trust } = await this.trust.snapshot(namespace)
    const isWithdrawn = trust.krl?.manifests.has(toHex(manifestSha256)) === true
    return { row, approvals, submission, state: row.state === 'signed' && isWithdrawn ? 'withdrawn' : row.state }
  }
}

function requireState(state: ReleaseState, wanted: ReleaseState): void {
  if (state !== wanted) throw new Refusal('STATE', { what: 'release', state, wanted })
}
