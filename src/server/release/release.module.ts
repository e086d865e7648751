import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { IntakeModule } from '../intake/intake.module.js'
import { ReleaseApprovalRow } from './release-approval.row.js'
import { ReleaseController } from './release.controller.js'
import { ReleaseDraft } from './release-draft.service.js'
import { ReleaseRow } from './release.row.js'
import { ReleaseService } from './release.service.js'
import { ReleaseSigning } from './release-signing.service.js'

/** Firmware with its manifest, on the way to a signature that enough people asked for. */
@Module({
  imports: [TypeOrmModule.forFeature([ReleaseRow, ReleaseApprovalRow]), AuditModule, IntakeModule],
  controllers: [ReleaseController],
  providers: [ReleaseDraft, ReleaseSigning, ReleaseService],
  exports: [ReleaseService],
})
export class ReleaseModule {}
