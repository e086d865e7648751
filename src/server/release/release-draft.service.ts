import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { wrappedSha256 } from '../../domain/suit/digest.js'
import { manifestSha256 } from '../../domain/suit/envelope.js'
import { encodeManifest } from '../../domain/suit/manifest.js'
import { encodeText } from '../../domain/suit/text.js'
import { openSubmission } from '../../domain/trust/check-submission.js'
import { RELEASE_LIFE_SECONDS, requireRoleOutlives } from '../../domain/trust/falling-due.js'
import { floorOf } from '../../domain/trust/trust-state.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { FirmwareService } from '../intake/firmware.service.js'
import { SubmissionService } from '../intake/submission.service.js'
import { TrustService } from '../keys/trust.service.js'
import { classNamesOf } from '../namespace-config.js'
import { Signers } from '../signing/signer.port.js'
import { ReleaseRow } from './release.row.js'

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
   * A release of what was submitted under `requestId`, awaiting approval. @returns its id.
   * @throws Refusal `NOT_FOUND` without submission, `FIRMWARE_PRUNED` when its bytes are gone, `CONFLICT` when that submission has its
   *   release, `ROLE_ENDS` when its key would end before devices have it, `SIGNER_UNAVAILABLE`.
   */
  async create(requestId: string, description: string | null, caller: Caller): Promise<string> {
    const { namespace } = caller
    const row = await this.submissions.get(namespace, requestId)
    const context = await this.trust.peopleContext(namespace)
    // The policy may have changed since it came in: nobody should approve what the signer will refuse.
    const { submission } = openSubmission(row.document, context)
    const className = classNamesOf(this.trust.requireNamespace(namespace)).get(toHex(submission.classId))
    const text = encodeText({ description: description ?? `${className ?? 'firmware'} ${submission.version}` })
    await this.requireLife(namespace)
    const known = await this.highestKnown(namespace, submission.classId)
    const id = randomUUID()
    await this.database.transaction(async (manager) => {
      const sequence = await this.nextSequence(manager, namespace, submission.classId, known)
      // From here on until the commit nobody gives the bytes up, and afterwards nobody may.
      await this.firmware.use(manager, namespace, submission.imageSha256)
      const { policy } = context
      const { version, classId, imageSha256, imageSizeBytes } = submission
      const textSha256 = wrappedSha256(text)
      const image = { version, classId, imageSha256, imageSizeBytes }
      const manifest = encodeManifest({ ...image, sequence, vendorId: policy.vendorId, textSha256 })
      const digest = manifestSha256(manifest)
      const actor = caller.person ?? caller.label
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
      }
      const query = manager.createQueryBuilder().insert().into(ReleaseRow).values(values).orIgnore().returning('id')
      if (((await query.execute()).raw as unknown[]).length === 0)
        throw new Refusal('CONFLICT', { what: 'release', why: 'this submission has its release already' })
      const detail = { release: id, requestId, version, sequence, manifestSha256: toHex(digest) }
      await this.audit.record(manager, { namespace, actor, event: 'release.created', detail })
    })
    return id
  }

  /** Gives an overtaken release the next sequence number. Its manifest is another one, so its approvals are void. */
  async renew(release: ReleaseRow, manifestFor: (sequence: number) => Uint8Array, caller: Caller): Promise<void> {
    const { namespace, id } = release
    await this.requireLife(namespace)
    const known = await this.highestKnown(namespace, release.classId)
    const { policy } = await this.trust.peopleContext(namespace)
    await this.database.transaction(async (manager) => {
      const sequence = await this.nextSequence(manager, namespace, release.classId, known)
      const manifest = manifestFor(sequence)
      const digest = manifestSha256(manifest)
      const change = { sequence, manifest, manifestSha256: digest, policyVersion: policy.version, lastRefusal: null }
      const state = 'awaiting-approval' as const
      const done = await manager.update(ReleaseRow, { id, state: 'overtaken' }, { ...change, state })
      if (done.affected === 0) throw new Refusal('STATE', { what: 'release', state: 'changed', wanted: 'overtaken' })
      const detail = { release: id, sequence, manifestSha256: toHex(digest), token: caller.tokenId }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'release.renewed', detail })
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
