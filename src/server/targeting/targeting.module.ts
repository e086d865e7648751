import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { DeviceFactsService } from './device-facts.service.js'
import { Filters } from './filters.service.js'
import { GroupFilling } from './group-filling.service.js'
import { GroupMembership } from './group-membership.service.js'
import { GroupService } from './group.service.js'
import { TargetingController } from './targeting.controller.js'

/** What people say about devices, and whom a filter finds. */
@Module({
  imports: [AuditModule],
  controllers: [TargetingController],
  providers: [DeviceClasses, DeviceFactsService, Filters, GroupFilling, GroupMembership, GroupService],
  exports: [DeviceFactsService, Filters, GroupMembership],
})
export class TargetingModule {}
