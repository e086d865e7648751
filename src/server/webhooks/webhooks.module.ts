import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { EventsModule } from '../events/events.module.js'
import { WebhookController } from './webhook.controller.js'
import { WebhookDispatch } from './webhook-dispatch.service.js'
import { WebhookService } from './webhook.service.js'

/** Other systems that are told of events. */
@Module({
  imports: [AuditModule, EventsModule],
  controllers: [WebhookController],
  providers: [WebhookService, WebhookDispatch],
})
export class WebhooksModule {}
