import { Module } from '@nestjs/common'
import { PollGate } from './poll-gate.service.js'

/** One gate for all polls, whichever protocol they come by. */
@Module({ providers: [PollGate], exports: [PollGate] })
export class PollingModule {}
