import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asDatabaseFailure } from '../database-failure.js'
import { DecisionLog } from './decision-log.service.js'
import { problemOf } from './problem.js'

/** Every "no" as a problem document; everything else as `INTERNAL`, with its causes in the log alone. */
@Catch()
export class RefusalFilter implements ExceptionFilter {
  constructor(private readonly log: DecisionLog) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const reply = http.getResponse<FastifyReply>()
    const error = asDatabaseFailure(thrown)
    const problem = problemOf(error, `urn:uuid:${request.id}`)
    const facts = { requestId: request.id, code: problem.code, status: problem.status }
    if (problem.status >= 500) this.log.error('request.failed', error, facts)
    else this.log.info('request.refused', { ...facts, detail: JSON.stringify(problem.detail) })
    if (reply.raw.headersSent) {
      // Too late for an answer: a broken connection tells the caller that this body is not whole.
      reply.raw.destroy()
      return
    }
    void reply.status(problem.status).type('application/problem+json; charset=utf-8').send(problem)
  }
}
