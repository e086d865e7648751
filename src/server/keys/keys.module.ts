import { type DynamicModule, Module, type Type } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { DueWatch } from './due-watch.service.js'
import { KrlAcknowledgementService } from './krl-acknowledgement.service.js'
import { KrlApprovalRow } from './krl-approval.row.js'
import { KrlController } from './krl.controller.js'
import { KrlRequestRow } from './krl-request.row.js'
import { KrlRequestService } from './krl-request.service.js'
import { KrlSigning } from './krl-signing.service.js'
import { QuorumService } from './quorum.service.js'
import { SignerController } from './signer.controller.js'
import { SignerOrders } from './signer-order.service.js'
import { TrustController } from './trust.controller.js'
import { TrustIntake } from './trust-intake.service.js'
import { TrustPublication } from './trust-publication.service.js'
import { TrustStore } from './trust-store.service.js'
import { TrustService } from './trust.service.js'

/** Roots, policies, KRLs and freshness: stored as received, verified as devices do, announced when they move. */
@Module({})
export class KeysModule {
  /** @param publisher the module that exports a `TrustPublisher`. */
  static with(publisher: Type | DynamicModule): DynamicModule {
    return {
      module: KeysModule,
      global: true,
      imports: [TypeOrmModule.forFeature([KrlRequestRow, KrlApprovalRow]), AuditModule, publisher],
      controllers: [TrustController, KrlController, SignerController],
      providers: [
        TrustStore,
        TrustService,
        TrustPublication,
        TrustIntake,
        QuorumService,
        KrlSigning,
        KrlRequestService,
        KrlAcknowledgementService,
        SignerOrders,
        DueWatch,
      ],
      exports: [TrustService, TrustPublication, QuorumService],
    }
  }
}
