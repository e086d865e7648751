import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { EventsModule } from '../events/events.module.js'
import { AuditController } from './audit.controller.js'
import { AuditEntryRow } from './audit-entry.row.js'
import { AuditService } from './audit.service.js'

/** The append-only account of who did what. Every module that changes state writes to it, in the same transaction. */
@Module({
  imports: [TypeOrmModule.forFeature([AuditEntryRow]), EventsModule],
  controllers: [AuditController],
  providers: [AuditService],
  exports: [AuditService],
})
export class AuditModule {}
