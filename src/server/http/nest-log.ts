import type { LoggerService } from '@nestjs/common'
import { errorCodeOf } from '../error-code.js'
import type { DecisionLog } from './decision-log.service.js'

/** Nest's own messages as lines of our log; its chatter at start is left out. */
export class NestLog implements LoggerService {
  constructor(private readonly decisions: DecisionLog) {}

  log(): void {
    // Which module was made when is of no use to anybody who reads the log.
  }

  warn(message: unknown): void {
    this.decisions.info('framework.warning', { message: String(message) })
  }

  error(message: unknown): void {
    // A busy port is told by the process, in one line.
    if (errorCodeOf(message) === 'EADDRINUSE') return
    this.decisions.error('framework.error', message)
  }

  fatal(message: unknown): void {
    this.decisions.error('framework.error', message)
  }
}
