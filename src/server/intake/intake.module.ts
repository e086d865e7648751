import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { EmbeddedKeyRow } from './embedded-keys/embedded-key.row.js'
import { EmbeddedKeysController } from './embedded-keys/embedded-keys.controller.js'
import { EmbeddedKeys } from './embedded-keys/embedded-keys.port.js'
import { EmbeddedKeysService } from './embedded-keys/embedded-keys.service.js'
import { FirmwareController } from './firmware.controller.js'
import { FirmwareRow } from './firmware.row.js'
import { FirmwareService } from './firmware.service.js'
import { SubmissionRow } from './submission.row.js'
import { SubmissionService } from './submission.service.js'

/** What engineers and build systems bring: firmware, and submissions that engineers sign. */
@Module({
  imports: [TypeOrmModule.forFeature([FirmwareRow, SubmissionRow, EmbeddedKeyRow]), AuditModule],
  controllers: [FirmwareController, EmbeddedKeysController],
  providers: [
    FirmwareService,
    SubmissionService,
    EmbeddedKeysService,
    { provide: EmbeddedKeys, useExisting: EmbeddedKeysService },
  ],
  exports: [FirmwareService, SubmissionService, EmbeddedKeys],
})
export class IntakeModule {}
