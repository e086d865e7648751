import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes, fromHex, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { SubmissionService } from '../intake/submission.service.js'
import { QuorumService } from '../keys/quorum.service.js'
import { TrustService } from '../keys/trust.service.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { ReleaseApprovalRow } from './release-approval.row.js'
import { ReleaseDraft, type NewRelease } from './release-draft.service.js'
import { ReleaseSigning } from './release-signing.service.js'
import { ReleaseRow, type StoredReleaseState } from './release.row.js'

export type ReleaseState = StoredReleaseState | 'withdrawn'
export interface Release {
  readonly row: ReleaseRow
  readonly state: ReleaseState
  readonly approvals: readonly ReleaseApprovalRow[]
  readonly submission: Uint8Array
  /** The release that this one is the fallback of. */
  readonly fallbackOf: string | null
}
/** One person's approval of a release, and of its fallback where it has one. */
export interface NewApprovals {
  readonly approval: Uint8Array
  readonly fallbackApproval: Uint8Array | null
}
interface Pair {
  readonly of: Release
  readonly document: Uint8Array
}
interface CheckedApproval {
  readonly row: ReleaseRow
  readonly document: Uint8Array
  readonly person: string
  readonly role: string
  readonly keyId: string
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

  async create(wanted: NewRelease, caller: Caller): Promise<Release> {
    return this.show(caller.namespace, await this.drafts.create(wanted, caller))
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
   * Takes one person's approval, for a release with a fallback of both together; the one that meets the quorum has them signed.
   * The same bytes again are no second approval, but try once more to sign; so does the same person after the signer refused.
   * @throws Refusal `APPROVER_REPEATED`, `APPROVER_IS_REQUESTER`, `APPROVAL_*`, `REQUEST_INVALID`, `STATE`, `SIGNER_*`, …
   */
  async approve(id: string, approvals: NewApprovals, caller: Caller): Promise<Release> {
    const { namespace } = caller
    const release = await this.show(namespace, id)
    await this.requireOwnDecision(release)
    const pairs = pairUp(release, await this.findFallback(release), approvals)
    const open = pairs.filter(({ of }) => of.state !== 'signed')
    for (const { of } of open) requireState(of.state, 'awaiting-approval')
    if (open.length === 0 && !pairs.every(isHeld)) requireState('signed', 'awaiting-approval')
    const given = open.filter((pair) => !isHeld(pair))
    const checked = await Promise.all(given.map((pair) => this.check(pair)))
    await this.database.transaction(async (manager) => {
      for (const each of checked) await this.store(manager, each)
    })
    await this.signing.finish(release.row)
    return this.show(namespace, id)
  }

  private async check({ of: { row, approvals }, document }: Pair): Promise<CheckedApproval> {
    const subject = await this.signing.subjectOf(row)
    const { approval, person, keyId } = await this.quorum.check(row.namespace, document, subject)
    const earlier = approvals.find((each) => each.person === person)
    // One that has expired meanwhile may be given anew; one that holds counts once, and takes its place where the signer refused.
    if (earlier && row.lastRefusal === null && (await this.quorum.holds(row.namespace, earlier.document, subject)))
      throw new Refusal('APPROVER_REPEATED', { person })
    return { row, document, person, role: approval.role, keyId }
  }

  private async store(manager: EntityManager, { row, document, person, role, keyId }: CheckedApproval): Promise<void> {
    const { id: releaseId, namespace, manifestSha256 } = row
    const key = { releaseId, manifestSha256, person }
    const values = { ...key, role, keyId: fromHex(keyId), document, receivedAt: this.clock.nowSeconds() }
    await manager.upsert(ReleaseApprovalRow, values, ['releaseId', 'manifestSha256', 'person'])
    const about = { release: releaseId, manifestSha256: toHex(manifestSha256) }
    const detail = { ...about, keyId, sha256: toHex(sha256(document)) }
    await this.audit.record(manager, { namespace, actor: person, event: 'release.approved', detail })
  }

  /** A person says no, with a reason for the others; to the fallback as well. @throws Refusal `STATE`. */
  async reject(id: string, reason: string, caller: Caller): Promise<Release> {
    const { namespace } = caller
    const release = await this.show(namespace, id)
    await this.requireOwnDecision(release)
    requireState(release.state, 'awaiting-approval')
    const fallback = await this.findFallback(release)
    const person = caller.person ?? caller.label
    await this.database.transaction(async (manager) => {
      const rejection = { person, reason, time: this.clock.nowSeconds() }
      for (const { row } of fallback === null ? [release] : [release, fallback]) {
        const open = { id: row.id, state: 'awaiting-approval' as const }
        const done = await manager.update(ReleaseRow, open, { state: 'rejected', rejection })
        // Signed in this very moment: then the KRL is the way to take it back.
        if (done.affected === 0) requireState('signed', 'awaiting-approval')
        const detail = { release: row.id, reason, token: caller.tokenId }
        await this.audit.record(manager, { namespace, actor: person, event: 'release.rejected', detail })
      }
    })
    return this.show(namespace, id)
  }

  /** New sequence numbers for an overtaken release and its fallback; everybody approves again. @throws Refusal `STATE`. */
  async renew(id: string, caller: Caller): Promise<Release> {
    const release = await this.show(caller.namespace, id)
    await this.requireOwnDecision(release)
    requireState(release.state, 'overtaken')
    const fallback = await this.findFallback(release)
    await this.drafts.renew(release.row, fallback?.row ?? null, caller)
    return this.show(caller.namespace, id)
  }

  private async findFallback({ row }: Release): Promise<Release | null> {
    return row.fallbackId === null ? null : this.show(row.namespace, row.fallbackId)
  }

  /** Until the release is signed, what is decided about it is decided about its fallback. @throws Refusal `STATE`. */
  private async requireOwnDecision({ row, fallbackOf }: Release): Promise<void> {
    if (fallbackOf === null) return
    const { state } = await this.show(row.namespace, fallbackOf)
    if (state === 'awaiting-approval' || state === 'overtaken')
      throw new Refusal('STATE', { what: `release ${fallbackOf} of this fallback`, state, wanted: 'signed' })
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
    const of = await this.database
      .getRepository(ReleaseRow)
      .findOne({ where: { fallbackId: releaseId }, select: { id: true } })
    const isWithdrawn = trust.krl?.manifests.has(toHex(manifestSha256)) === true
    const fallbackOf = of?.id ?? null
    return {
      row,
      approvals,
      submission,
      fallbackOf,
      state: row.state === 'signed' && isWithdrawn ? 'withdrawn' : row.state,
    }
  }
}

const isHeld = ({ of, document }: Pair): boolean => of.approvals.some((held) => equalBytes(held.document, document))

function pairUp(release: Release, fallback: Release | null, { approval, fallbackApproval }: NewApprovals): Pair[] {
  const no = (why: string): Refusal => new Refusal('REQUEST_INVALID', { field: 'fallbackApproval', why })
  const own = { of: release, document: approval }
  if (fallback === null) {
    if (fallbackApproval !== null) throw no('the release has no fallback')
    return [own]
  }
  if (fallbackApproval === null) throw no('its fallback is approved together with the release')
  return [own, { of: fallback, document: fallbackApproval }]
}

function requireState(state: ReleaseState, wanted: ReleaseState): void {
  if (state !== wanted) throw new Refusal('STATE', { what: 'release', state, wanted })
}
