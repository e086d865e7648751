import { Module } from '@nestjs/common'
import { AccessModule } from '../access/access.module.js'
import { EventController } from './event.controller.js'
import { EventFeed } from './event-feed.service.js'
import { EventsModule } from './events.module.js'

/** Events for pages and programs. Apart from `EventsModule`: what is audited is an event, also of tokens. */
@Module({ imports: [EventsModule, AccessModule], controllers: [EventController], providers: [EventFeed] })
export class EventFeedModule {}
