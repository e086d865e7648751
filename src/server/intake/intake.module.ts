import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { EmbeddedKeyRow } from './embedded-keys/embedded-key.row.js'
import { EmbeddedKeysController } from './embedded-keys/embedded-keys.controller.js'
import { EmbeddedKeys } from './embedded-keys/embedded-keys.port.js'
import { EmbeddedKeysService } from './embedded-keys/embedded-keys.service.js'
import { EvidenceController } from './evidence/evidence.controller.js'
import { EvidenceRow } from './evidence/evidence.row.js'
import { EvidenceService } from './evidence/evidence.service.js'
import { FirmwareController } from './firmware.controller.js'
import { FirmwareRow } from './firmware.row.js'
import { FirmwareService } from './firmware.service.js'
import { AgreementService } from './inspection/agreement.service.js'
import { FindingRow } from './inspection/finding.row.js'
import { FindingsService } from './inspection/findings.service.js'
import { NamespaceController } from './namespace.controller.js'
import { OldDigestsService } from './old-digests.service.js'
import { OwnUploads } from './own-uploads.service.js'
import { RetentionService } from './retention.service.js'
import { StoreSweep } from './store-sweep.service.js'
import { SubmissionRow } from './submission.row.js'
import { SubmissionService } from './submission.service.js'
import { UploadLeases } from './uploads/upload-lease.service.js'
import { UploadRow } from './uploads/upload.row.js'
import { UploadsController } from './uploads/uploads.controller.js'
import { UploadService } from './uploads/uploads.service.js'

/** What engineers and build systems bring: firmware, and submissions that engineers sign. */
@Module({
  imports: [
    TypeOrmModule.forFeature([FirmwareRow, SubmissionRow, UploadRow, EvidenceRow, EmbeddedKeyRow, FindingRow]),
    AuditModule,
  ],
  controllers: [NamespaceController, FirmwareController, UploadsController, EvidenceController, EmbeddedKeysController],
  providers: [
    FirmwareService,
    SubmissionService,
    UploadService,
    UploadLeases,
    OldDigestsService,
    OwnUploads,
    RetentionService,
    StoreSweep,
    FindingsService,
    AgreementService,
    EvidenceService,
    EmbeddedKeysService,
    { provide: EmbeddedKeys, useExisting: EmbeddedKeysService },
  ],
  exports: [FirmwareService, SubmissionService, OldDigestsService, EmbeddedKeys, FindingsService],
})
export class IntakeModule {}
