import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import { AuditService } from '../audit/audit.service.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { hashGatewayToken, makeDdiToken } from './ddi-secret.js'

/** How old what is known of a token may be: a revoked one is refused after so long at the latest. */
const HELD_MS = 2_000
const MAX_HELD = 1_024

export interface NewGatewayToken {
  readonly namespace: string
  readonly label: string
  /** Clients that nobody knows yet are let in as this class, `uses` of them; null for none. */
  readonly classId: Uint8Array | null
  readonly uses: number
  readonly expires: number
  /** One that the fleet has already; null to make one. */
  readonly token: string | null
  readonly actor: string
}

export interface GatewayTokenView {
  readonly id: string
  readonly label: string
  readonly className: string | null
  readonly uses: number
  readonly used: number
  readonly createdAt: number
  readonly createdBy: string
  readonly expires: number
  readonly revokedAt: number | null
}

/** A token that holds now. */
export interface GatewayToken {
  readonly id: string
  readonly label: string
  /** Null when it lets in nobody new. */
  readonly classId: Uint8Array | null
}

interface TokenRow {
  readonly id: string
  readonly label: string
  readonly class_id: Buffer | null
  readonly uses: number
  readonly used: number
  readonly created_at: number
  readonly created_by: string
  readonly expires_at: number
  readonly revoked_at: number | null
}

/** Tokens that may speak for every client of a namespace. */
@Injectable()
export class GatewayTokens {
  private readonly held = new Map<string, { readonly row: TokenRow | null; readonly readMs: number }>()

  constructor(
    private readonly database: DataSource,
    private readonly classes: DeviceClasses,
    private readonly audit: AuditService,
    private readonly clock: ServerClock,
  ) {}

  /** @returns null for one that is unknown, over or revoked. */
  async find(namespace: string, token: string): Promise<GatewayToken | null> {
    const row = await this.read(namespace, Buffer.from(hashGatewayToken(namespace, token)))
    if (row === null || row.revoked_at !== null || row.expires_at <= this.clock.nowSeconds()) return null
    return { id: row.id, label: row.label, classId: row.uses > 0 ? row.class_id : null }
  }

  /** Takes one use, in the transaction that lets the client in. @throws Refusal `ENROLMENT_REFUSED` when none is left. */
  async spend(manager: EntityManager, id: string): Promise<void> {
    const [, taken] = await manager.query<[unknown[], number]>(
      'UPDATE ddi_gateway_token SET used = used + 1 WHERE id = $1 AND used < uses AND revoked_at IS NULL',
      [id],
    )
    if (taken !== 1) throw new Refusal('ENROLMENT_REFUSED', { why: 'the gateway token lets in no further client' })
  }

  async create(request: NewGatewayToken): Promise<{ readonly id: string; readonly token: string }> {
    const { namespace, label, classId, uses, expires, actor } = request
    const now = this.clock.nowSeconds()
    if (expires <= now) throw new Refusal('REQUEST_INVALID', { field: 'expires', why: 'not in the future' })
    const token = request.token ?? makeDdiToken()
    const id = randomUUID()
    await this.database.transaction(async (manager) => {
      const made = await manager.query<unknown[]>(
        `INSERT INTO ddi_gateway_token (id, namespace, secret_sha256, label, class_id, uses, created_at, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (secret_sha256) DO NOTHING RETURNING id`,
        [
          id,
          namespace,
          Buffer.from(hashGatewayToken(namespace, token)),
          label,
          classId === null ? null : Buffer.from(classId),
          uses,
          now,
          actor,
          expires,
        ],
      )
      if (made.length === 0) throw new Refusal('CONFLICT', { what: 'gateway token', why: 'it is there already' })
      const detail = { token: id, label, uses, expires }
      await this.audit.record(manager, { namespace, actor, event: 'ddi.gateway-token-created', detail })
    })
    return { id, token }
  }

  async list(namespace: string, page: PageQuery): Promise<Page<GatewayTokenView>> {
    const after = page.after === undefined ? null : requireUuid('gateway token', page.after)
    const rows = await this.database.query<TokenRow[]>(
      `SELECT id, label, class_id, uses, used, created_at, created_by, expires_at, revoked_at FROM ddi_gateway_token
       WHERE namespace = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
      [namespace, after, page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.id,
      (row) => ({
        id: row.id,
        label: row.label,
        className: row.class_id === null ? null : this.classes.findName(namespace, row.class_id),
        uses: row.uses,
        used: row.used,
        createdAt: row.created_at,
        createdBy: row.created_by,
        expires: row.expires_at,
        revokedAt: row.revoked_at,
      }),
    )
  }

  /** Safe to repeat. @throws Refusal `NOT_FOUND`. */
  async revoke(namespace: string, id: string, actor: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      const [rows] = await manager.query<[unknown[], number]>(
        'UPDATE ddi_gateway_token SET revoked_at = $3 WHERE namespace = $1 AND id = $2 AND revoked_at IS NULL RETURNING id',
        [namespace, requireUuid('gateway token', id), this.clock.nowSeconds()],
      )
      if (rows.length === 1) {
        const detail = { token: id }
        await this.audit.record(manager, { namespace, actor, event: 'ddi.gateway-token-revoked', detail })
        return
      }
      const known = await manager.query<unknown[]>('SELECT 1 FROM ddi_gateway_token WHERE namespace = $1 AND id = $2', [
        namespace,
        id,
      ])
      if (known.length === 0) throw new Refusal('NOT_FOUND', { what: 'gateway token', id })
    })
    this.held.clear()
  }

  private async read(namespace: string, hash: Buffer): Promise<TokenRow | null> {
    const name = `${namespace} ${hash.toString('base64')}`
    const known = this.held.get(name)
    if (known !== undefined && performance.now() - known.readMs < HELD_MS) return known.row
    const readMs = performance.now()
    const [row = null] = await this.database.query<TokenRow[]>(
      'SELECT * FROM ddi_gateway_token WHERE secret_sha256 = $1 AND namespace = $2',
      [hash, namespace],
    )
    if (this.held.size >= MAX_HELD) this.held.clear()
    this.held.set(name, { row, readMs })
    return row
  }
}
