import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ProblemAnswers } from './problem-answers.service.js'

/** Every "no" as a problem document; everything else as `INTERNAL`, with its causes in the log alone. */
@Catch()
export class RefusalFilter implements ExceptionFilter {
  constructor(private readonly problems: ProblemAnswers) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const reply = http.getResponse<FastifyReply>()
    const { id, headers } = http.getRequest<FastifyRequest>()
    const problem = this.problems.of(thrown, id, headers['content-type'])
    if (reply.raw.headersSent) {
      // Too late for an answer: a broken connection tells the caller that this body is not whole.
      reply.raw.destroy()
      return
    }
    void reply.status(problem.status).type('application/problem+json; charset=utf-8').send(problem)
  }
}
