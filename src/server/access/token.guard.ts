import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import { rememberCaller } from './caller.decorator.js'
import { NO_TOKEN, ROLES_KEY, type ApiRole } from './roles.decorator.js'
import { TokenService } from './token.service.js'

/** Stands before every call of the server. A call that carries no mark is closed, so forgetting one shows at once. */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: TokenService,
  ) {}

  /** @throws Refusal `UNAUTHENTICATED`, `NOT_FOUND` for a foreign namespace (it is nobody's to know), `FORBIDDEN`. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const marks = [context.getHandler(), context.getClass()]
    const needed = this.reflector.getAllAndOverride<readonly ApiRole[] | typeof NO_TOKEN | undefined>(ROLES_KEY, marks)
    if (needed === NO_TOKEN) return true
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Readonly<Record<string, string>> }>>()
    const caller = await this.tokens.requireCaller(bearerOf(request))
    const namespace = `${request.params['product']}/${request.params['environment']}`
    if (caller.namespace !== namespace)
      throw new Refusal('NOT_FOUND', { what: 'namespace', id: namespace.slice(0, 65) })
    if (needed === undefined || !needed.some((role) => caller.roles.includes(role)))
      throw new Refusal('FORBIDDEN', { needed: needed?.join(' or ') ?? 'nobody' })
    rememberCaller(request, caller)
    return true
  }
}

function bearerOf(request: FastifyRequest): string {
  const match = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(request.headers.authorization ?? '')
  if (match?.[1] === undefined) throw new Refusal('UNAUTHENTICATED', {})
  return match[1]
}
