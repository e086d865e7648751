import { Module } from '@nestjs/common'
import { IdlePolls } from './idle-polls.service.js'
import { LastSeen } from './last-seen.service.js'
import { PollGate } from './poll-gate.service.js'

/** One gate, one memory and one note of who was there for all polls, whichever protocol they come by. */
@Module({ providers: [IdlePolls, LastSeen, PollGate], exports: [IdlePolls, LastSeen, PollGate] })
export class PollingModule {}
