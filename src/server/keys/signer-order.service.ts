import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { sha256, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { SignerStatus } from '../../protocol/signer-socket.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { signerNoOf } from '../signer-no.js'
import { Signers, type SignerOrder, type SignerProcess } from '../signing/signer.port.js'
import { TrustService } from './trust.service.js'

export type OrderOperation = 'resume' | 'clock-reset'
const events = { resume: 'signer.resumed', 'clock-reset': 'signer.clock-reset' } as const

export interface SignerState {
  readonly status: SignerStatus
  /** Highest signed sequence by class id, as the database has it: what a signer on restored state has forgotten. */
  readonly signedSequences: ReadonlyMap<string, number>
}

/** What a quorum orders a signer itself to do. We carry it, and write down that we did; nothing about it is stored here. */
@Injectable()
export class SignerOrders {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly audit: AuditService,
  ) {}

  /** @throws Refusal `SIGNER_UNAVAILABLE`. */
  async show(namespace: string, process: SignerProcess): Promise<SignerState> {
    const status = await this.signers.status(namespace, process)
    return { status, signedSequences: await this.signedSequences(namespace) }
  }

  /** @throws Refusal `SIGNER_REFUSED` with the signer's code and check, `SIGNER_UNAVAILABLE`. */
  async carry(process: SignerProcess, operation: OrderOperation, order: SignerOrder, caller: Caller): Promise<void> {
    const { namespace } = caller
    const detail = { process, request: order.requestId, sha256: toHex(sha256(order.order)), token: caller.tokenId }
    try {
      // A restored state may lack the policy that people approved under, and the KRL that the order asks for. A clock that is
      // refused lets nothing in, so before a clock reset nothing is brought.
      if (operation === 'resume') await this.signers.importTrust(namespace, await this.trust.courier(namespace))
      await this.signers.follow(namespace, process, operation, order)
      await this.record(caller, events[operation], detail)
    } catch (error) {
      if (error instanceof Refusal)
        await this.record(caller, 'signer.order-refused', { ...detail, ...signerNoOf(error) })
      throw error
    }
  }

  private record(caller: Caller, event: string, detail: Readonly<Record<string, string | number>>): Promise<void> {
    const { namespace } = caller
    const actor = caller.person ?? caller.label
    return this.database.transaction((manager) => this.audit.record(manager, { namespace, actor, event, detail }))
  }

  private async signedSequences(namespace: string): Promise<Map<string, number>> {
    const rows = await this.database.query<{ class_id: Buffer; highest: number }[]>(
      `SELECT class_id, max(sequence) AS highest FROM release
        WHERE namespace = $1 AND envelope IS NOT NULL GROUP BY class_id`,
      [namespace],
    )
    return new Map(rows.map((row) => [toHex(row.class_id), row.highest]))
  }
}
