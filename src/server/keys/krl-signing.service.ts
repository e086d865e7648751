import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager, LessThanOrEqual } from 'typeorm'
import { equalBytes, sha256, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { AuditService } from '../audit/audit.service.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { signerNoOf } from '../signer-no.js'
import { Signers } from '../signing/signer.port.js'
import { KrlApprovalRow } from './krl-approval.row.js'
import { KrlRequestRow } from './krl-request.row.js'
import { subjectOf } from './krl-subject.js'
import { QuorumService } from './quorum.service.js'
import { TrustPublication } from './trust-publication.service.js'
import { TrustStore } from './trust-store.service.js'
import { TrustService } from './trust.service.js'

/** From the quorum to the published KRL. Every step may be repeated; none happens twice. */
@Injectable()
export class KrlSigning {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly store: TrustStore,
    private readonly quorum: QuorumService,
    private readonly publication: TrustPublication,
    private readonly signers: Signers,
    private readonly audit: AuditService,
    private readonly clock: ServerClock,
  ) {}

  /**
   * Does what is due: nothing before the quorum, else sign and store, then publish.
   * @throws Refusal `SIGNER_REFUSED`, kept as the request's last refusal; `SIGNER_UNAVAILABLE`.
   */
  async finish(namespace: string, id: string): Promise<void> {
    // The row stays locked while the signer works (I-7): whoever comes second finds it signed.
    const outcome = await this.database.transaction(async (manager) => {
      const row = await manager.findOneOrFail(KrlRequestRow, {
        where: { id, namespace },
        lock: { mode: 'pessimistic_write' },
      })
      if (row.state !== 'awaiting-approval') return row.publishedMs === null && row.state === 'signed'
      const approvals = await this.findQuorum(manager, row)
      return approvals === null ? false : this.sign(manager, row, approvals)
    })
    if (outcome instanceof Refusal) throw outcome
    if (outcome) await this.publication.announce(namespace)
  }

  private async findQuorum(manager: EntityManager, row: KrlRequestRow): Promise<readonly Uint8Array[] | null> {
    const held = await manager.findBy(KrlApprovalRow, { krlRequestId: row.id })
    for (const operation of ['krl', 'krl-renew'] as const) {
      const documents = held.filter((each) => each.operation === operation).map((each) => each.document)
      const met = await this.quorum.findQuorum(row.namespace, documents, subjectOf(row, operation))
      if (met !== null) return met
    }
    return null
  }

  /** @returns true when it is signed and stored; the refusal when the signer refused, which is stored with the request. */
  private async sign(
    manager: EntityManager,
    row: KrlRequestRow,
    approvals: readonly Uint8Array[],
  ): Promise<true | Refusal> {
    const { namespace, id, number } = row
    const quorumMs = row.quorumMs ?? this.clock.nowMs()
    try {
      const trust = await this.trust.courier(namespace)
      const krl = await this.signers.signKrl(namespace, { trust, requestId: id, approvals, krl: row.payload })
      await this.requireAcceptable(row, krl)
      await this.store.add(manager, namespace, 'krl', number, krl)
      const signedMs = this.clock.nowMs()
      await manager.update(KrlRequestRow, { id }, { state: 'signed', quorumMs, signedMs, lastRefusal: null })
      await refuseOlder(manager, row)
      const detail = { id, number, sha256: toHex(sha256(krl)) }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'krl.signed', detail })
      return true
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, check } = signerNoOf(error)
      await manager.update(KrlRequestRow, { id }, { quorumMs, lastRefusal: { code, check } })
      const detail = { id, number, code, check }
      await this.audit.record(manager, { namespace, actor: 'release signer', event: 'krl.refused', detail })
      return error
    }
  }

  /** What came back must be over our payload, and something devices accept (I-2). */
  private async requireAcceptable(row: KrlRequestRow, krl: Uint8Array): Promise<void> {
    const { payload } = parseSign1(krl, MAX_KRL_BYTES)
    const found = sha256(payload ?? new Uint8Array(0))
    if (!equalBytes(found, row.subjectSha256))
      throw new Refusal('DIGEST_MISMATCH', { what: 'krl', expected: toHex(row.subjectSha256), found: toHex(found) })
    const { state } = await this.trust.snapshot(row.namespace)
    takeKrl(state, krl, this.clock.nowSeconds(), nativeAlgorithms)
  }
}

/** What was proposed with the same number or a smaller one can no longer be signed by anybody. */
export async function refuseOlder(
  manager: EntityManager,
  { namespace, number }: Pick<KrlRequestRow, 'namespace' | 'number'>,
): Promise<void> {
  await manager.update(
    KrlRequestRow,
    { namespace, number: LessThanOrEqual(number), state: 'awaiting-approval' },
    { state: 'refused', lastRefusal: { code: 'KRL_OLD', check: 0 } },
  )
}
