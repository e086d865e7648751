import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager, IsNull, MoreThan } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { AuditService } from '../audit/audit.service.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { ApiTokenRow } from './api-token.row.js'
import type { Caller } from './caller.decorator.js'
import type { ApiRole } from './roles.decorator.js'
import { findTokenId, hashToken, isTokenText, makeTokenText } from './token-secret.js'

export interface TokenRequest {
  readonly namespace: string
  readonly label: string
  readonly roles: readonly ApiRole[]
  readonly person: string | null
  /** Seconds since the epoch. */
  readonly expires: number
}

/** A token as it may be shown: everything but the secret. */
export type TokenView = Omit<TokenRequest, 'namespace'> & {
  readonly id: string
  readonly createdAt: number
  readonly revokedAt: number | null
}

@Injectable()
export class TokenService {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @returns whom this token stands for. @throws Refusal `UNAUTHENTICATED`: unknown, wrong, expired or revoked. */
  async requireCaller(text: string): Promise<Caller> {
    const id = findTokenId(text)
    const row = id === null ? null : await this.database.getRepository(ApiTokenRow).findOneBy({ id })
    if (row === null || !isTokenText(text, row.secretSha256)) throw new Refusal('UNAUTHENTICATED', {})
    if (row.revokedAt !== null || row.expiresAt <= this.clock.nowSeconds()) throw new Refusal('UNAUTHENTICATED', {})
    return { tokenId: row.id, namespace: row.namespace, roles: row.roles, person: row.person, label: row.label }
  }

  /** Whether one that was let in before would be let in now: for answers that go on for long. */
  async isValid(id: string): Promise<boolean> {
    const row = await this.database.getRepository(ApiTokenRow).findOneBy({ id })
    return row !== null && row.revokedAt === null && row.expiresAt > this.clock.nowSeconds()
  }

  /** @returns the token's text, which exists nowhere else after this. */
  async create(request: TokenRequest, caller: Caller): Promise<TokenView & { readonly token: string }> {
    return this.database.transaction((manager) => this.createWithin(manager, request, caller.person ?? caller.label))
  }

  /** Makes the first token of a namespace. @throws Refusal `CONFLICT` when it has any. */
  async bootstrap(namespace: string, expires: number, keep: (token: string) => Promise<void>): Promise<void> {
    await this.database.transaction(async (manager) => {
      // Two bootstraps at once: the second waits here and then finds the token of the first.
      await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [`bootstrap ${namespace}`])
      if ((await manager.countBy(ApiTokenRow, { namespace })) > 0)
        throw new Refusal('CONFLICT', { what: 'bootstrap', why: `${namespace} has tokens already` })
      const request = { namespace, label: 'bootstrap', roles: ['security-officer'] as const, person: null, expires }
      await keep((await this.createWithin(manager, request, 'bootstrap')).token)
    })
  }

  private async createWithin(
    manager: EntityManager,
    request: TokenRequest,
    createdBy: string,
  ): Promise<TokenView & { readonly token: string }> {
    const now = this.clock.nowSeconds()
    requireMachineAlone(request, now)
    if (request.expires <= now) throw new Refusal('REQUEST_INVALID', { field: 'expires', why: 'not in the future' })
    const id = randomUUID()
    const token = makeTokenText(id)
    const { namespace, label, person, expires } = request
    const roles = [...new Set(request.roles)]
    await manager.insert(ApiTokenRow, {
      id,
      namespace,
      label,
      roles,
      person,
      createdBy,
      secretSha256: hashToken(token),
      createdAt: now,
      expiresAt: expires,
      revokedAt: null,
    })
    const detail = { token: id, label, roles: roles.join(' '), person: person ?? '', expires }
    await this.audit.record(manager, { namespace, actor: createdBy, event: 'token.created', detail })
    return { id, label, roles, person, expires, createdAt: now, revokedAt: null, token }
  }

  async list(namespace: string, page: PageQuery): Promise<Page<TokenView>> {
    const rows = await this.database.getRepository(ApiTokenRow).find({
      where: { namespace, ...(page.after === undefined ? {} : { id: MoreThan(requireUuid('token', page.after)) }) },
      order: { id: 'ASC' },
      take: page.limit + 1,
    })
    return pageOf(rows, page.limit, (row) => row.id, viewOf)
  }

  /** Safe to repeat. @throws Refusal `NOT_FOUND`. */
  async revoke(id: string, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.database.transaction(async (manager) => {
      const known = { id: requireUuid('token', id), namespace }
      if (!(await manager.existsBy(ApiTokenRow, known))) throw new Refusal('NOT_FOUND', { what: 'token', id })
      const revokedAt = this.clock.nowSeconds()
      const done = await manager.update(ApiTokenRow, { ...known, revokedAt: IsNull() }, { revokedAt })
      if (done.affected === 0) return
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'token.revoked', detail: { token: id } })
    })
  }
}

/** A build system lives in places that many can read: its token does what a build system does, and not for ever. */
const LONGEST_CI_SECONDS = 366 * 86_400

/** @throws Refusal `REQUEST_INVALID`: a token of role `ci` has no other role, no person, and an end within a year. */
function requireMachineAlone({ roles, person, expires }: TokenRequest, now: number): void {
  if (!roles.includes('ci')) return
  const no = (field: string, why: string): Refusal => new Refusal('REQUEST_INVALID', { field, why })
  if (roles.some((role) => role !== 'ci')) throw no('roles', 'ci stands alone: a build system is no person')
  if (person !== null) throw no('person', 'a token of role ci belongs to no person')
  if (expires > now + LONGEST_CI_SECONDS) throw no('expires', 'a token of role ci lives 366 days at most')
}

const viewOf = (row: ApiTokenRow): TokenView => ({
  id: row.id,
  label: row.label,
  roles: row.roles,
  person: row.person,
  expires: row.expiresAt,
  createdAt: row.createdAt,
  revokedAt: row.revokedAt,
})
