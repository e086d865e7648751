import { Injectable } from '@nestjs/common'
import { toHex } from '../../../domain/bytes.js'
import type { PolicyLimits } from '../../../domain/trust/policy-limits.js'
import type { Submission } from '../../../domain/trust/submission.js'
import { requireAgreement, requireTarget, type ClassTargets } from '../../../inspect/agreement.js'
import { classesOf } from '../../namespace-config.js'
import { ServerConfig } from '../../server-config.js'
import { FindingsService } from './findings.service.js'

/** Holds a submission against what its firmware says of itself. */
@Injectable()
export class AgreementService {
  constructor(
    private readonly findings: FindingsService,
    private readonly config: ServerConfig,
  ) {}

  /**
   * Inspects the firmware where nobody has yet.
   * @throws Refusal `FORMAT_NOT_ALLOWED`, `FIRMWARE_DAMAGED`, `EMBEDDED_SIGNATURE_INVALID`, `VERSION_DISAGREES`,
   *   `CLASS_DISAGREES`.
   */
  async require(submission: Submission, limits: PolicyLimits): Promise<void> {
    const { namespace, imageSha256, version, classId } = submission
    const findings = await this.findings.of(namespace, imageSha256)
    requireAgreement(findings, version, limits)
    requireTarget(findings, this.classOf(namespace, toHex(classId)))
  }

  /** A class that the policy lists and the operator did not name has no words but its id. */
  private classOf(namespace: string, id: string): ClassTargets {
    const config = this.config.namespaces.find((each) => each.namespace === namespace)
    const named = config === undefined ? undefined : classesOf(config).get(id)
    return named ?? { name: id, model: id, hardwareRevision: id }
  }
}
