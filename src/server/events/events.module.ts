import { Module } from '@nestjs/common'
import { EventStore } from './event-store.service.js'

/** What happened, in one order, as others write it and read it. */
@Module({ providers: [EventStore], exports: [EventStore] })
export class EventsModule {}
