import { type DynamicModule, Module } from '@nestjs/common'
import { APP_FILTER } from '@nestjs/core'
import { DecisionLog } from './decision-log.service.js'
import { ProblemAnswers } from './problem-answers.service.js'
import { RefusalFilter } from './refusal.filter.js'

/** How requests come in and how a "no" goes out. */
@Module({})
export class HttpModule {
  static with(log: DecisionLog = new DecisionLog()): DynamicModule {
    return {
      module: HttpModule,
      global: true,
      providers: [
        { provide: DecisionLog, useValue: log },
        ProblemAnswers,
        { provide: APP_FILTER, useClass: RefusalFilter },
      ],
      exports: [DecisionLog, ProblemAnswers],
    }
  }
}
