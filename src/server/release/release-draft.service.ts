import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { wrappedSha256 } from '../../domain/suit/digest.js'
import { manifestSha256 } from '../../domain/suit/envelope.js'
import { encodeManifest, parseManifest } from '../../domain/suit/manifest.js'
import { encodeText } from '../../domain/suit/text.js'
import { openSubmission } from '../../domain/trust/check-submission.js'
import { RELEASE_LIFE_SECONDS, requireRoleOutlives } from '../../domain/trust/falling-due.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { Submission } from '../../domain/trust/submission.js'
import { floorOf } from '../../domain/trust/trust-state.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { FirmwareService } from '../intake/firmware.service.js'
import { SubmissionService } from '../intake/submission.service.js'
import { TrustService } from '../keys/trust.service.js'
import { classNamesOf } from '../namespace-config.js'
import { Signers } from '../signing/signer.port.js'
import { requireFallback } from './release-fallback.js'
import { ReleaseRow } from './release.row.js'

/** What a release is made of: submissions, by their request ids. */
export interface NewRelease {
  readonly requestId: string
  readonly description: string | null
  /** Of the image to go back to. */
  readonly fallbackRequestId: string | null
}
interface Draft {
  readonly requestId: string
  readonly submission: Submission
  readonly text: Uint8Array
  readonly policy: Policy
}

/** Makes what people approve: the manifest and its text, with the next free sequence number of the class. */
@Injectable()
export class ReleaseDraft {
  constructor(
    private readonly database: DataSource,
    private readonly firmware: FirmwareService,
    private readonly submissions: SubmissionService,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * A release of what was submitted, awaiting approval, and its fallback with the sequence number after it. @returns its id.
   * @throws Refusal `NOT_FOUND` without submission, `FIRMWARE_PRUNED` when its bytes are gone, `CONFLICT` when that submission has its
   *   release, `REQUEST_INVALID` for what is no fallback, `ROLE_ENDS` when its key would end before devices have it,
   *   `SIGNER_UNAVAILABLE`.
   */
  async create({ requestId, description, fallbackRequestId }: NewRelease, caller: Caller): Promise<string> {
    const { namespace } = caller
    const draft = await this.draftOf(requestId, description, caller)
    const fallback = fallbackRequestId === null ? null : await this.draftOf(fallbackRequestId, null, caller)
    await this.requireLife(namespace)
    const { classId } = draft.submission
    const known = await this.highestKnown(namespace, classId)
    return this.database.transaction(async (manager) => {
      const sequence = await this.nextSequence(manager, namespace, classId, known)
      if (fallback === null) return this.insert(manager, draft, sequence, null, caller)
      await requireFallback(manager, draft.submission, fallback.submission)
      const fallbackId = await this.insert(manager, fallback, sequence + 1, null, caller)
      return this.insert(manager, draft, sequence, fallbackId, caller)
    })
  }

  private async draftOf(requestId: string, description: string | null, { namespace }: Caller): Promise<Draft> {
    const row = await this.submissions.get(namespace, requestId)
    const context = await this.trust.peopleContext(namespace)
    // The policy may have changed since it came in: nobody should approve what the signer will refuse.
    const { submission } = openSubmission(row.document, context)
    const className = classNamesOf(this.trust.requireNamespace(namespace)).get(toHex(submission.classId))
    const text = encodeText({ description: description ?? `${className ?? 'firmware'} ${submission.version}` })
    return { requestId, submission, text, policy: context.policy }
  }

  private async insert(
    manager: EntityManager,
    { requestId, submission, text, policy }: Draft,
    sequence: number,
    fallbackId: string | null,
    { namespace, person, label }: Caller,
  ): Promise<string> {
    const { version, classId, imageSha256, imageSizeBytes } = submission
    // From here on until the commit nobody gives the bytes up, and afterwards nobody may.
    await this.firmware.use(manager, namespace, imageSha256)
    const image = { version, classId, imageSha256, imageSizeBytes }
    const manifest = encodeManifest({
      ...image,
      sequence,
      vendorId: policy.vendorId,
      textSha256: wrappedSha256(text),
    })
    const digest = manifestSha256(manifest)
    const [id, actor] = [randomUUID(), person ?? label]
    const values = {
      id,
      namespace,
      requestId,
      ...image,
      sequence,
      manifest,
      manifestSha256: digest,
      manifestText: text,
      state: 'awaiting-approval' as const,
      policyVersion: policy.version,
      createdAt: this.clock.nowSeconds(),
      createdBy: actor,
      fallbackId,
    }
    const query = manager.createQueryBuilder().insert().into(ReleaseRow).values(values).orIgnore().returning('id')
    if (((await query.execute()).raw as unknown[]).length === 0)
      throw new Refusal('CONFLICT', { what: 'release', why: 'this submission has its release already' })
    const common = { release: id, requestId, version, sequence, manifestSha256: toHex(digest) }
    const detail = fallbackId === null ? common : { ...common, fallback: fallbackId }
    await this.audit.record(manager, { namespace, actor, event: 'release.created', detail })
    return id
  }

  /**
   * Gives an overtaken release the next sequence number, and its fallback the one after that. Their manifests are others, so
   * their approvals are void.
   */
  async renew(release: ReleaseRow, fallback: ReleaseRow | null, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.requireLife(namespace)
    const known = await this.highestKnown(namespace, release.classId)
    const { policy } = await this.trust.peopleContext(namespace)
    await this.database.transaction(async (manager) => {
      const sequence = await this.nextSequence(manager, namespace, release.classId, known)
      const rows = fallback === null ? [release] : [release, fallback]
      for (const [index, row] of rows.entries())
        await this.renumber(manager, row, { sequence: sequence + index, policyVersion: policy.version }, caller)
    })
  }

  private async renumber(
    manager: EntityManager,
    { id, namespace, manifest: before, state }: ReleaseRow,
    change: { readonly sequence: number; readonly policyVersion: number },
    caller: Caller,
  ): Promise<void> {
    const { sequence } = change
    const manifest = encodeManifest({ ...parseManifest(before), sequence })
    const digest = manifestSha256(manifest)
    const values = {
      ...change,
      manifest,
      manifestSha256: digest,
      lastRefusal: null,
      state: 'awaiting-approval' as const,
    }
    const done = await manager.update(ReleaseRow, { id, state }, values)
    if (done.affected === 0) throw new Refusal('STATE', { what: 'release', state: 'changed', wanted: state })
    const detail = { release: id, sequence, manifestSha256: toHex(digest), token: caller.tokenId }
    await this.audit.record(manager, {
      namespace,
      actor: caller.person ?? caller.label,
      event: 'release.renewed',
      detail,
    })
  }

  private async requireLife(namespace: string): Promise<void> {
    const { state } = await this.trust.snapshot(namespace)
    const now = this.clock.nowSeconds()
    requireRoleOutlives(state, now + RELEASE_LIFE_SECONDS, now)
  }

  /** What the signer has signed and what floors demand: the number after it is the least that can be signed. */
  private async highestKnown(namespace: string, classId: Uint8Array): Promise<number> {
    const name = toHex(classId)
    const { sequences } = await this.signers.status(namespace, 'release')
    const { state } = await this.trust.snapshot(namespace)
    return Math.max(sequences.get(name) ?? 0, floorOf(state, name) - 1)
  }

  /** Two drafts at once get two numbers: until the commit the second waits here. */
  private async nextSequence(
    manager: EntityManager,
    namespace: string,
    classId: Uint8Array,
    known: number,
  ): Promise<number> {
    await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 2))', [`${namespace} ${toHex(classId)}`])
    const [row] = await manager.query<{ highest: number }[]>(
      `SELECT coalesce(max(sequence), 0) AS highest FROM release
        WHERE namespace = $1 AND class_id = $2 AND state IN ('draft', 'awaiting-approval', 'signed')`,
      [namespace, classId],
    )
    return Math.max(known, row?.highest ?? 0) + 1
  }
}
