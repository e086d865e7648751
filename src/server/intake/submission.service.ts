import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { versionToIntegers } from '../../domain/suit/version.js'
import { openSubmission } from '../../domain/trust/check-submission.js'
import type { Submission } from '../../domain/trust/submission.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { TrustService, type PeopleContext } from '../keys/trust.service.js'
import { FirmwareService } from './firmware.service.js'
import type { FirmwareRow } from './firmware.row.js'
import { AgreementService } from './inspection/agreement.service.js'
import { SubmissionRow } from './submission.row.js'

/** Engineers' signed words for what was uploaded. */
@Injectable()
export class SubmissionService {
  constructor(
    private readonly database: DataSource,
    private readonly firmware: FirmwareService,
    private readonly trust: TrustService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly agreement: AgreementService,
  ) {}

  /**
   * Takes a submission for uploaded firmware. The same bytes again are the same submission.
   * @throws Refusal `SUBMITTER_UNKNOWN`, `SIGNATURE_INVALID`, `SUBMISSION_MISMATCH` naming the field, `CONFLICT` for a
   *   request id that another submission has; as `AgreementService.require` for what the bytes themselves say.
   */
  async submit(imageSha256: Uint8Array, document: Uint8Array, caller: Caller): Promise<SubmissionRow> {
    const { namespace } = caller
    const firmware = await this.firmware.getHeld(namespace, imageSha256)
    const context = await this.trust.peopleContext(namespace)
    const { submission, requester, keyId } = openSubmission(document, context)
    requireAbout(submission, firmware, context)
    await this.agreement.require(submission, context.policy.limits)
    const { requestId, version, classId, time } = submission
    const row: SubmissionRow = {
      namespace,
      requestId,
      imageSha256,
      version,
      classId,
      document,
      person: requester.name,
      signedAt: time,
      receivedAt: this.clock.nowSeconds(),
    }
    return this.database.transaction(async (manager) => {
      await this.firmware.use(manager, namespace, imageSha256)
      const added = await manager
        .createQueryBuilder()
        .insert()
        .into(SubmissionRow)
        .values(row)
        .orIgnore()
        .returning('request_id')
        .execute()
      if ((added.raw as unknown[]).length === 0) {
        const held = await manager.findOneByOrFail(SubmissionRow, { namespace, requestId })
        if (equalBytes(held.document, document)) return held
        throw new Refusal('CONFLICT', { what: 'submission', why: 'another one has this request id' })
      }
      const detail = { requestId, version, keyId, imageSha256: toHex(imageSha256), sha256: toHex(sha256(document)) }
      await this.audit.record(manager, { namespace, actor: requester.name, event: 'firmware.submitted', detail })
      return row
    })
  }

  ofFirmware(namespace: string, imageSha256: Uint8Array): Promise<SubmissionRow[]> {
    return this.database
      .getRepository(SubmissionRow)
      .find({ where: { namespace, imageSha256 }, order: { receivedAt: 'DESC', requestId: 'ASC' }, take: 100 })
  }

  /** @throws Refusal `NOT_FOUND`. */
  async get(namespace: string, requestId: string): Promise<SubmissionRow> {
    const row = await this.database.getRepository(SubmissionRow).findOneBy({ namespace, requestId })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'submission', id: requestId })
    return row
  }
}

function requireAbout(submission: Submission, firmware: FirmwareRow, { policy }: PeopleContext): void {
  const requireSame = (field: string, same: boolean): void => {
    if (!same) throw new Refusal('SUBMISSION_MISMATCH', { field })
  }
  requireSame('imageSha256', equalBytes(submission.imageSha256, firmware.sha256))
  requireSame('imageSizeBytes', submission.imageSizeBytes === firmware.sizeBytes)
  requireSame('classId', policy.classes.has(toHex(submission.classId)))
  versionToIntegers(submission.version)
  const limitBytes = policy.limits.maxImageBytes
  if (limitBytes !== undefined && firmware.sizeBytes > limitBytes)
    throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes: firmware.sizeBytes, limitBytes })
}
