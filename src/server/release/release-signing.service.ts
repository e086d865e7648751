import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager, LessThanOrEqual } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import type { ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { checkEnvelope, requireTarget } from '../../domain/trust/check-envelope.js'
import { openSubmission } from '../../domain/trust/check-submission.js'
import { AuditService } from '../audit/audit.service.js'
import { SubmissionService } from '../intake/submission.service.js'
import { QuorumService } from '../keys/quorum.service.js'
import { TrustService } from '../keys/trust.service.js'
import { signerNoOf } from '../signer-no.js'
import { Signers } from '../signing/signer.port.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'
import { BreakGlass } from './break-glass.service.js'
import { ReleaseApprovalRow } from './release-approval.row.js'
import { ReleaseRow } from './release.row.js'

/** From the quorum to the stored envelope. May be asked again at any time; signs once. */
@Injectable()
export class ReleaseSigning {
  constructor(
    private readonly database: DataSource,
    private readonly submissions: SubmissionService,
    private readonly trust: TrustService,
    private readonly quorum: QuorumService,
    private readonly signers: Signers,
    private readonly store: FirmwareStore,
    private readonly breakGlass: BreakGlass,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** What approvals of this release are about; the person who submitted is not counted. @throws Refusal as `openSubmission`. */
  async subjectOf(release: ReleaseRow): Promise<ApprovedRequest> {
    const { document } = await this.submissions.get(release.namespace, release.requestId)
    const { requester } = openSubmission(document, await this.trust.peopleContext(release.namespace))
    const { imageSha256, imageSizeBytes, sequence, classId, version } = release
    return {
      operation: 'sign',
      subjectSha256: release.manifestSha256,
      requestId: release.requestId,
      image: { imageSha256, imageSizeBytes, sequence, classId, version },
      requester: requester.name,
    }
  }

  /**
   * Signs when the quorum is met, of a release with a fallback when both are; then the fallback, whose sequence number is the next.
   * @throws Refusal `SIGNER_REFUSED`, kept as the release's last refusal; `SIGNER_UNAVAILABLE`.
   */
  async finish(release: ReleaseRow): Promise<void> {
    const rows = this.database.getRepository(ReleaseRow)
    const fallback = release.fallbackId === null ? null : await rows.findOneByOrFail({ id: release.fallbackId })
    if (fallback?.state === 'awaiting-approval' && !(await this.hasQuorum(fallback))) return
    if (release.state !== 'signed') await this.signOne(release)
    if (fallback === null || (await rows.findOneByOrFail({ id: release.id })).state !== 'signed') return
    await this.signOne(fallback)
  }

  private async hasQuorum(release: ReleaseRow): Promise<boolean> {
    return (await this.findQuorum(this.database.manager, release, await this.subjectOf(release))) !== null
  }

  private async signOne(release: ReleaseRow): Promise<void> {
    const subject = await this.subjectOf(release)
    if ((await this.findQuorum(this.database.manager, release, subject)) === null) return
    // The row stays locked while the signer works (I-7): of two callers the second finds it signed.
    const outcome = await this.database.transaction(async (manager) => {
      const row = await manager.findOneOrFail(ReleaseRow, {
        where: { id: release.id },
        lock: { mode: 'pessimistic_write' },
      })
      if (row.state !== 'awaiting-approval' || row.sequence !== release.sequence) return null
      const approvals = await this.findQuorum(manager, row, subject)
      return approvals === null ? null : this.sign(manager, row, approvals)
    })
    if (outcome instanceof Refusal) throw outcome
    if (outcome === 'signed') await this.overtake(release)
  }

  private async findQuorum(
    manager: EntityManager,
    release: ReleaseRow,
    subject: ApprovedRequest,
  ): Promise<readonly Uint8Array[] | null> {
    const { id: releaseId, manifestSha256 } = release
    const held = await manager.findBy(ReleaseApprovalRow, { releaseId, manifestSha256 })
    const documents = held.map((each) => each.document)
    return this.quorum.findQuorum(release.namespace, documents, subject)
  }

  private async sign(
    manager: EntityManager,
    release: ReleaseRow,
    approvals: readonly Uint8Array[],
  ): Promise<'signed' | Refusal> {
    const { id, namespace } = release
    try {
      const envelope = await this.askSigner(release, approvals)
      const change = { state: 'signed' as const, envelope, signedAt: this.clock.nowSeconds(), lastRefusal: null }
      await manager.update(ReleaseRow, { id }, change)
      const detail = {
        release: id,
        sequence: release.sequence,
        manifestSha256: toHex(release.manifestSha256),
        envelopeSha256: toHex(sha256(envelope)),
      }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'release.signed', detail })
      await this.breakGlass.note(manager, namespace, detail)
      return 'signed'
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const lastRefusal = signerNoOf(error)
      const state = lastRefusal.code === 'SEQUENCE_OVERTAKEN' ? ('overtaken' as const) : ('awaiting-approval' as const)
      await manager.update(ReleaseRow, { id }, { state, lastRefusal })
      const detail = { release: id, ...lastRefusal }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'release.refused', detail })
      return error
    }
  }

  private async askSigner(release: ReleaseRow, approvals: readonly Uint8Array[]): Promise<Uint8Array> {
    const { namespace, requestId, manifest, manifestText: text, imageSha256, imageSizeBytes } = release
    if (!(await this.signers.knowsImage(namespace, imageSha256)))
      await this.signers.hashImage(namespace, await this.store.read(imageSha256), imageSizeBytes)
    const { document: submission } = await this.submissions.get(namespace, requestId)
    const trust = await this.trust.courier(namespace)
    const envelope = await this.signers.sign(namespace, { trust, requestId, submission, approvals, manifest, text })
    await this.requireAcceptable(release, envelope)
    return envelope
  }

  /** What came back is judged as a device of that class would, before anybody sees it (I-2). */
  async requireAcceptable(release: ReleaseRow, envelope: Uint8Array): Promise<void> {
    const { namespace, manifestSha256, classId } = release
    const { state } = await this.trust.snapshot(namespace)
    const { policy } = await this.trust.peopleContext(namespace)
    const checked = checkEnvelope(state, envelope, manifestSha256, this.clock.nowSeconds(), nativeAlgorithms)
    requireTarget(state, checked, { vendorId: policy.vendorId, classId })
    if (!equalBytes(checked.envelope.text ?? new Uint8Array(0), release.manifestText))
      throw new Refusal('ENVELOPE_MEMBER', { member: '23' })
  }

  /** Drafts of the class that a higher signed number has passed cannot be signed any more; people should see that. */
  private async overtake({ namespace, classId, sequence }: ReleaseRow): Promise<void> {
    await this.database
      .getRepository(ReleaseRow)
      .update(
        { namespace, classId, sequence: LessThanOrEqual(sequence), state: 'awaiting-approval' },
        { state: 'overtaken' },
      )
  }
}
