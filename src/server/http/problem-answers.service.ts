import { Injectable } from '@nestjs/common'
import { asDatabaseFailure } from '../database-failure.js'
import { DecisionLog } from './decision-log.service.js'
import { problemOf, type Problem } from './problem.js'

/** What is answered when something was thrown, and what of it is logged: a "no" with its facts, an outage with its causes. */
@Injectable()
export class ProblemAnswers {
  constructor(private readonly log: DecisionLog) {}

  of(thrown: unknown, requestId: string): Problem {
    const error = asDatabaseFailure(thrown)
    const problem = problemOf(error, `urn:uuid:${requestId}`)
    const facts = { requestId, code: problem.code, status: problem.status }
    if (problem.status >= 500) this.log.error('request.failed', error, facts)
    else this.log.info('request.refused', { ...facts, detail: JSON.stringify(problem.detail) })
    return problem
  }
}
