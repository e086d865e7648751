import { Injectable } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { ServerConfig } from '../server-config.js'
import { Admission } from './admission.js'

const MOST_AT_ONCE = 1_000
const LONGEST_SECONDS = 900

/** Sends polls away that there is no room for, before they cost anything, and says when to come back. */
@Injectable()
export class PollGate {
  private readonly admission: Admission

  constructor(
    config: ServerConfig,
    private readonly clock: ServerClock,
  ) {
    this.admission = new Admission({ mostAtOnce: config.pollsAtOnce ?? MOST_AT_ONCE, longestSeconds: LONGEST_SECONDS })
  }

  /** Until `reply` is sent the poll has its place. @throws Refusal `OVERLOADED`. */
  enter(reply: FastifyReply): void {
    const retryAfterSeconds = this.admission.enter(this.clock.nowMs())
    const beganMs = performance.now()
    if (retryAfterSeconds !== null) {
      void reply.header('retry-after', String(retryAfterSeconds))
      throw new Refusal('OVERLOADED', { retryAfterSeconds })
    }
    reply.raw.once('close', () => this.admission.leave(performance.now() - beganMs))
  }
}
