import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, In } from 'typeorm'
import { equalBytes, fromHex, sha256, toHex } from '../../domain/bytes.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { parseApproval } from '../../domain/trust/approval.js'
import type { ApprovedRequest } from '../../domain/trust/check-approvals.js'
import { parseKrl } from '../../domain/trust/krl.js'
import type { Operation } from '../../domain/trust/roles.js'
import { requireForRoot } from '../../domain/trust/take-krl.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { KrlApprovalRow } from './krl-approval.row.js'
import { KrlRequestRow } from './krl-request.row.js'
import { KrlSigning } from './krl-signing.service.js'
import { subjectOf } from './krl-subject.js'
import { QuorumService } from './quorum.service.js'
import { TrustService } from './trust.service.js'

export interface KrlRequest {
  readonly row: KrlRequestRow
  readonly approvals: readonly KrlApprovalRow[]
}

/** KRLs on their way: proposed, approved by persons, signed, published. */
@Injectable()
export class KrlRequestService {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly quorum: QuorumService,
    private readonly signing: KrlSigning,
    private readonly audit: AuditService,
    private readonly clock: ServerClock,
  ) {}

  /**
   * @param payload of the KRL to be signed.
   * @param requestId of a ceremony that was held apart; repeating it with the same payload is safe.
   * @throws Refusal for one that the signer would refuse whatever people say; `CONFLICT` for another payload under that id.
   */
  async create(payload: Uint8Array, caller: Caller, requestId?: string): Promise<KrlRequest> {
    const { namespace } = caller
    const krl = parseKrl(payload)
    const known = requestId === undefined ? null : await this.findKnown(namespace, requestId, payload)
    if (known !== null) return known
    const { state } = await this.trust.reload(namespace)
    requireForRoot(state, krl)
    const held = state.krl?.number ?? 0
    if (krl.number <= held) throw new Refusal('KRL_OLD', { held, offered: krl.number })
    const id = requestId ?? randomUUID()
    const subjectSha256 = sha256(payload)
    await this.database.transaction(async (manager) => {
      const values = {
        id,
        namespace,
        number: krl.number,
        payload,
        subjectSha256,
        state: 'awaiting-approval' as const,
        createdBy: caller.person ?? caller.label,
        requestedMs: this.clock.nowMs(),
      }
      const insert = manager.createQueryBuilder().insert().into(KrlRequestRow).values(values)
      // Two who bring the same ceremony at once: one of them makes the request, both get it.
      if (((await insert.orIgnore().returning('id').execute()).raw as unknown[]).length === 0) return
      const detail = { id, number: krl.number, sha256: toHex(subjectSha256), token: caller.tokenId }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'krl.requested', detail })
    })
    return (await this.findKnown(namespace, id, payload)) ?? this.show(namespace, id)
  }

  private async findKnown(namespace: string, id: string, payload: Uint8Array): Promise<KrlRequest | null> {
    const row = await this.database.getRepository(KrlRequestRow).findOneBy({ id })
    if (row === null) return null
    if (row.namespace !== namespace || !equalBytes(row.payload, payload))
      throw new Refusal('CONFLICT', { what: 'krl request', why: 'this id stands for another list' })
    return this.show(namespace, id)
  }

  async show(namespace: string, id: string): Promise<KrlRequest> {
    const row = await this.database
      .getRepository(KrlRequestRow)
      .findOneBy({ id: requireUuid('krl request', id), namespace })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'krl request', id })
    const approvals = await this.database
      .getRepository(KrlApprovalRow)
      .find({ where: { krlRequestId: id }, order: { receivedAt: 'ASC', person: 'ASC' } })
    return { row, approvals }
  }

  /** The newest first. */
  async list<T>(namespace: string, page: PageQuery, view: (request: KrlRequest) => T): Promise<Page<T>> {
    const before = page.after === undefined ? null : (await this.show(namespace, page.after)).row
    const rows = await this.database
      .getRepository(KrlRequestRow)
      .createQueryBuilder('r')
      .where('r.namespace = :namespace', { namespace })
      .andWhere(before === null ? 'true' : '(r.requestedMs, r.id) < (:ms, :id)', {
        ms: before?.requestedMs,
        id: before?.id,
      })
      .orderBy({ 'r.requestedMs': 'DESC', 'r.id': 'DESC' })
      .take(page.limit + 1)
      .getMany()
    const ids = rows.map((row) => row.id)
    const approvals = await this.database.getRepository(KrlApprovalRow).findBy({ krlRequestId: In(ids) })
    const of = (id: string): KrlApprovalRow[] => approvals.filter((each) => each.krlRequestId === id)
    return pageOf(
      rows,
      page.limit,
      (row) => row.id,
      (row) => view({ row, approvals: of(row.id) }),
    )
  }

  /**
   * Takes one person's approval; with the one that meets the quorum the KRL is signed, stored and published.
   * The same bytes again are no second approval, but try what is still to be done once more; so does the same person after the signer refused.
   * @throws Refusal `APPROVER_REPEATED`, `APPROVAL_*`, `STATE`, `SIGNER_*`, …
   */
  async approve(id: string, approval: Uint8Array, caller: Caller): Promise<KrlRequest> {
    const { namespace } = caller
    const { row, approvals } = await this.show(namespace, id)
    if (approvals.some((held) => equalBytes(held.document, approval))) {
      await this.signing.finish(namespace, id)
      return this.show(namespace, id)
    }
    if (row.state !== 'awaiting-approval')
      throw new Refusal('STATE', { what: 'krl request', state: row.state, wanted: 'awaiting-approval' })
    const operation = operationOf(approval)
    const request: ApprovedRequest = subjectOf(row, operation)
    const checked = await this.quorum.check(namespace, approval, request)
    const { person } = checked
    const earlier = approvals.find((held) => held.person === person)
    // Where the signer refused it may be given again, to ask once more.
    const isOpen = earlier === undefined || row.lastRefusal !== null
    if (!isOpen && (await this.quorum.holds(namespace, earlier.document, subjectOf(row, earlier.operation))))
      throw new Refusal('APPROVER_REPEATED', { person })
    await this.database.transaction(async (manager) => {
      await manager.upsert(
        KrlApprovalRow,
        {
          krlRequestId: id,
          person,
          role: checked.approval.role,
          operation,
          keyId: fromHex(checked.keyId),
          document: approval,
          receivedAt: this.clock.nowSeconds(),
        },
        ['krlRequestId', 'person'],
      )
      const detail = { id, number: row.number, sha256: toHex(sha256(approval)), keyId: checked.keyId }
      await this.audit.record(manager, { namespace, actor: person, event: 'krl.approved', detail })
    })
    await this.signing.finish(namespace, id)
    return this.show(namespace, id)
  }
}

/** Read before it is verified, to know which quorum it speaks for; whether this KRL may be a renewal the signer decides. */
function operationOf(approval: Uint8Array): Operation {
  const { payload } = parseSign1(approval, MAX_DOCUMENT_BYTES)
  const { operation } = parseApproval(payload ?? new Uint8Array(0))
  if (operation !== 'krl' && operation !== 'krl-renew') throw new Refusal('APPROVAL_MISMATCH', { field: 'operation' })
  return operation
}
