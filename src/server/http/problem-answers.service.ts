import { Injectable } from '@nestjs/common'
import { asDatabaseFailure } from '../database-failure.js'
import { isFailure } from '../is-failure.js'
import { DecisionLog } from './decision-log.service.js'
import { problemOf, type Problem } from './problem.js'

/** What is answered when something was thrown, and what of it is logged: a "no" with its facts, an outage with its causes. */
@Injectable()
export class ProblemAnswers {
  constructor(private readonly log: DecisionLog) {}

  of(thrown: unknown, requestId: string, contentType?: string): Problem {
    const error = asDatabaseFailure(thrown)
    const problem = problemOf(error, `urn:uuid:${requestId}`, contentType)
    const facts = { requestId, code: problem.code, status: problem.status }
    if (isFailure(problem)) this.log.error('request.failed', error, facts)
    else this.log.info('request.refused', { ...facts, detail: JSON.stringify(problem.detail) })
    return problem
  }
}
