import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { AuditService } from '../audit/audit.service.js'
import { hashSecret, makeClaimSecret } from './device-secret.js'

export interface ClaimRequest {
  readonly namespace: string
  readonly classId: Uint8Array
  readonly className: string
  /** Devices that may enrol with it. */
  readonly uses: number
  /** Seconds since the epoch. */
  readonly expires: number
  readonly actor: string
}
export interface NewClaim {
  readonly id: string
  /** Shown this once. */
  readonly token: string
}

interface ClaimRow {
  readonly id: string
  readonly class_id: Buffer
  readonly expires_at: number
}

/** Claim tokens: whoever holds one may enrol devices of one class, a number of them, until a day. */
@Injectable()
export class ClaimService {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  async create(request: ClaimRequest): Promise<NewClaim> {
    const { namespace, classId, className, uses, expires, actor } = request
    const now = this.clock.nowSeconds()
    if (expires <= now) throw new Refusal('REQUEST_INVALID', { field: 'expires', why: 'not in the future' })
    const id = randomUUID()
    const token = makeClaimSecret()
    await this.database.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO claim_token (id, namespace, secret_sha256, class_id, uses, created_at, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [id, namespace, hashSecret(token), Buffer.from(classId), uses, now, actor, expires],
      )
      const detail = { claim: id, className, uses, expires }
      await this.audit.record(manager, { namespace, actor, event: 'claim.created', detail })
    })
    return { id, token }
  }

  /**
   * Whether this token lets devices of the class in; says nothing about uses left.
   * @throws Refusal `UNAUTHENTICATED` unknown or expired, `ENROLMENT_REFUSED` made for another class.
   */
  async requireClaim(manager: EntityManager, namespace: string, secret: string, classId: Uint8Array): Promise<string> {
    const [claim] = await manager.query<ClaimRow[]>(
      'SELECT id, class_id, expires_at FROM claim_token WHERE secret_sha256 = $1 AND namespace = $2',
      [hashSecret(secret), namespace],
    )
    if (claim === undefined || claim.expires_at <= this.clock.nowSeconds()) throw new Refusal('UNAUTHENTICATED', {})
    if (!equalBytes(claim.class_id, classId))
      throw new Refusal('ENROLMENT_REFUSED', { why: 'the claim token is for another class' })
    return claim.id
  }

  /** Takes one use. @throws Refusal `ENROLMENT_REFUSED` when none is left. */
  async spend(manager: EntityManager, claimId: string): Promise<void> {
    // Of two devices at the last use the database lets one through.
    const taken = await manager.query<[unknown[], number]>(
      'UPDATE claim_token SET used = used + 1 WHERE id = $1 AND used < uses',
      [claimId],
    )
    if (taken[1] !== 1) throw new Refusal('ENROLMENT_REFUSED', { why: 'the claim token has no use left' })
  }
}
