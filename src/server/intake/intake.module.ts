import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { FirmwareController } from './firmware.controller.js'
import { FirmwareRow } from './firmware.row.js'
import { FirmwareService } from './firmware.service.js'
import { SubmissionRow } from './submission.row.js'
import { SubmissionService } from './submission.service.js'

/** What engineers and build systems bring: firmware, and submissions that engineers sign. */
@Module({
  imports: [TypeOrmModule.forFeature([FirmwareRow, SubmissionRow]), AuditModule],
  controllers: [FirmwareController],
  providers: [FirmwareService, SubmissionService],
  exports: [FirmwareService, SubmissionService],
})
export class IntakeModule {}
