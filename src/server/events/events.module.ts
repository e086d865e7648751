import { Module } from '@nestjs/common'
import { EventController } from './event.controller.js'
import { EventFeed } from './event-feed.service.js'
import { EventStore } from './event-store.service.js'

/** What happened, in one order, for pages, programs and webhooks. */
@Module({ controllers: [EventController], providers: [EventStore, EventFeed], exports: [EventStore] })
export class EventsModule {}
