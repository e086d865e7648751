import { Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import { asDatabaseFailure } from '../database-failure.js'
import { LastSeen } from '../polling/last-seen.service.js'
import { PollGate } from '../polling/poll-gate.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { isFailure } from '../is-failure.js'
import { ServerConfig } from '../server-config.js'
import { ClientCalls } from './client-calls.service.js'
import { DdiAuth, type DdiCaller } from './ddi-auth.service.js'
import { originOf, type DdiCall } from './ddi-call.js'
import { MAX_BODY_BYTES, problemOf } from './ddi-problem.js'
import { chooseMedia, encodeAs } from './media.js'
import { RefusalCounts } from '../refusals/refusal-counts.service.js'
import { Tenants } from './tenants.service.js'

type Params = Readonly<Record<string, string>>
type Handler = (call: DdiCall) => Promise<FastifyReply>
interface Route {
  readonly path: string
  readonly methods: Partial<Record<'GET' | 'POST' | 'PUT', Handler>>
}

const PREFIX = '/:tenant/controller/v1/:controllerId'
const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * The addresses of DDI v1, in a room of the web server's own: its bodies, its errors and its 200 for everything are not those of the
 * rest, and an idle poll goes no further than it has to.
 */
@Injectable()
export class DdiRoutes implements OnModuleInit {
  /** Who asks, from the first hook to the handler. */
  private readonly callers = new WeakMap<FastifyRequest, DdiCaller>()

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly auth: DdiAuth,
    private readonly calls: ClientCalls,
    private readonly tenants: Tenants,
    private readonly seen: LastSeen,
    private readonly gate: PollGate,
    private readonly refusals: RefusalCounts,
    private readonly config: ServerConfig,
    private readonly log: DecisionLog,
  ) {}

  onModuleInit(): void {
    const fastify = this.adapter.httpAdapter.getInstance<FastifyInstance>()
    void fastify.register(
      (scope, _options, done) => {
        scope.removeAllContentTypeParsers()
        scope.addContentTypeParser(
          ['application/json', 'application/hal+json', 'application/cbor'],
          { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
          (_request, body, parsed) => parsed(null, body),
        )
        scope.addHook('onRequest', async (request, reply) => {
          if (request.routeOptions.config.isQuiet === true) this.gate.enter(reply)
          await this.identify(request)
        })
        scope.setErrorHandler((error, request, reply) => this.refuse(error, request, reply))
        for (const route of this.routes()) this.add(scope, route)
        done()
      },
      { prefix: PREFIX },
    )
  }

  private routes(): readonly Route[] {
    const { calls } = this
    const at = (path: string, methods: Route['methods']): Route => ({ path, methods })
    return [
      at('/', { GET: (call) => calls.poll(call) }),
      at('/deploymentBase/:action', { GET: (call) => calls.deploymentBase(call) }),
      at('/deploymentBase/:action/feedback', { POST: (call) => calls.deploymentFeedback(call) }),
      at('/cancelAction/:action', { GET: (call) => calls.cancelAction(call) }),
      at('/cancelAction/:action/feedback', { POST: (call) => calls.cancelFeedback(call) }),
      at('/configData', { PUT: (call) => calls.configData(call) }),
      at('/installedBase', { PUT: (call) => calls.putInstalled(call) }),
      at('/installedBase/:action', { GET: (call) => calls.installedBase(call) }),
      at('/confirmationBase', { GET: (call) => calls.confirmationBase(call) }),
      at('/confirmationBase/activateAutoConfirm', { POST: (call) => calls.startAutoConfirm(call) }),
      at('/confirmationBase/deactivateAutoConfirm', { POST: (call) => calls.stopAutoConfirm(call) }),
      at('/confirmationBase/:action', { GET: (call) => calls.confirmationAction(call) }),
      at('/confirmationBase/:action/feedback', { POST: (call) => calls.confirmationFeedback(call) }),
      at('/softwaremodules/:action/artifacts', { GET: (call) => calls.artifacts(call) }),
      at('/softwaremodules/:action/artifacts/:file', { GET: (call) => calls.artifact(call) }),
    ]
  }

  private add(scope: FastifyInstance, { path, methods }: Route): void {
    const isPoll = path === '/'
    for (const [name, handle] of Object.entries(methods)) {
      // HEAD goes through the same handler, which knows what not to send.
      const method: HTTPMethods[] = name === 'GET' ? ['GET', 'HEAD'] : [name]
      const config = { isQuiet: isPoll }
      const handler = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
        handle(this.callOf(request, reply))
      scope.route({ method, url: path, config, exposeHeadRoute: false, handler })
    }
    const allowed = [...Object.keys(methods), ...('GET' in methods ? ['HEAD'] : [])]
    const rest = METHODS.filter((method) => !allowed.includes(method))
    const refuse = (_request: FastifyRequest, reply: FastifyReply): never => {
      void reply.header('allow', allowed.join(', '))
      throw new Refusal('METHOD_NOT_ALLOWED', { allowed: allowed.join(', ') })
    }
    scope.route({ method: rest, url: path, handler: refuse })
  }

  /** Before a body is read. */
  private async identify(request: FastifyRequest): Promise<void> {
    const { tenant: name = '', controllerId = '' } = request.params as Params
    const tenant = this.tenants.find(name)
    if (tenant === null) throw new Refusal('UNAUTHENTICATED', {})
    const caller = await this.auth.requireCaller(tenant, controllerId, request.raw)
    this.seen.note(caller.target.namespace, caller.target.deviceId)
    this.callers.set(request, caller)
  }

  private callOf(request: FastifyRequest, reply: FastifyReply): DdiCall {
    const caller = this.callers.get(request)
    if (caller === undefined) throw new Error('a call that nobody made')
    const params = request.params as Params
    const seen = originOf(request.raw, this.auth.proxies, this.config.publicUrl)
    const base = `${seen.origin}/${params['tenant']}/controller/v1/${encodeURIComponent(caller.target.controllerId)}`
    return { request, reply, ...caller, ...seen, base, params }
  }

  private refuse(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const error = asDatabaseFailure(thrown)
    const { status, code, message } = problemOf(error)
    const tenant = this.tenants.find((request.params as Params)['tenant'] ?? '')
    if (tenant !== null) this.refusals.note(tenant.namespace, 'ddi', code)
    const facts = { requestId: request.id, code, status }
    if (isFailure({ status, code })) this.log.error('ddi.failed', error, facts)
    else this.log.info('ddi.refused', { ...facts, message })
    // Not a word to somebody of whom nothing is known.
    if (status === 401) return reply.code(401).header('www-authenticate', 'TargetToken').send()
    const type = chooseMedia(request.headers.accept) ?? 'application/json'
    const body = encodeAs(type, { exceptionClass: 'Refusal', errorCode: code, message })
    return reply.code(status).header('content-type', type).send(body)
  }
}
