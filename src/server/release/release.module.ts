import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { IntakeModule } from '../intake/intake.module.js'
import { BreakGlass } from './break-glass.service.js'
import { ReSignApprovalRow } from './re-sign-approval.row.js'
import { ReSignRequestRow } from './re-sign-request.row.js'
import { ReSignListController } from './re-sign-list.controller.js'
import { ReSignController } from './re-sign.controller.js'
import { ReSignWatch } from './re-sign-watch.service.js'
import { ReSignService } from './re-sign.service.js'
import { ReleaseApprovalRow } from './release-approval.row.js'
import { ReleaseController } from './release.controller.js'
import { ReleaseDraft } from './release-draft.service.js'
import { ReleaseRow } from './release.row.js'
import { ReleaseService } from './release.service.js'
import { ReleaseSigning } from './release-signing.service.js'
import { WindowWatch } from './window-watch.service.js'

/** Firmware with its manifest, on the way to a signature that enough people asked for. */
@Module({
  imports: [
    TypeOrmModule.forFeature([ReleaseRow, ReleaseApprovalRow, ReSignRequestRow, ReSignApprovalRow]),
    AuditModule,
    IntakeModule,
  ],
  controllers: [ReleaseController, ReSignController, ReSignListController],
  providers: [BreakGlass, ReleaseDraft, ReleaseSigning, ReleaseService, ReSignService, ReSignWatch, WindowWatch],
  exports: [ReleaseService],
})
export class ReleaseModule {}
