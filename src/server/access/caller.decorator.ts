import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { ApiRole } from './roles.decorator.js'

/** Who asks, as their token says. */
export interface Caller {
  readonly tokenId: string
  readonly namespace: string
  readonly roles: readonly ApiRole[]
  /** Name in the policy, for a token that belongs to a person. */
  readonly person: string | null
  readonly label: string
}

const callers = new WeakMap<object, Caller>()
export const rememberCaller = (request: object, caller: Caller): void => void callers.set(request, caller)

/** The caller whom the guard let in. Its namespace is the one of the path. */
export const FromCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>())
  if (caller === undefined) throw new Error('a call that wants a caller lets in nobody with a token')
  return caller
})
