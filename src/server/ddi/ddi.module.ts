import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { DeviceModule } from '../device/device.module.js'
import { IntakeModule } from '../intake/intake.module.js'
import { PollingModule } from '../polling/polling.module.js'
import { LegacyAdmission } from '../rollout/legacy-admission.port.js'
import { RolloutModule } from '../rollout/rollout.module.js'
import { TargetingModule } from '../targeting/targeting.module.js'
import { ActionDesk } from './action-desk.service.js'
import { ActionViews } from './action-views.service.js'
import { ArtifactFactsService } from './artifact-facts.service.js'
import { BundleVerdict } from './bundle-verdict.port.js'
import { ClientCalls } from './client-calls.service.js'
import { ClientFacts } from './client-facts.service.js'
import { DdiAuth } from './ddi-auth.service.js'
import { DdiRoutes } from './ddi-routes.service.js'
import { DeploymentTerms } from './deployment-terms.port.js'
import { GatewayTokens } from './gateway-tokens.service.js'
import { InspectedBundles } from './inspected-bundles.service.js'
import { KeptPolls } from './kept-polls.service.js'
import { LegacyGate } from './legacy-gate.service.js'
import { OfferDesk } from './offer-desk.service.js'
import { PollDesk } from './poll-desk.service.js'
import { RefusalsModule } from '../refusals/refusals.module.js'
import { RolloutTerms } from './rollout-terms.service.js'
import { TargetReader } from './target-reader.service.js'
import { TargetStore } from './target-store.service.js'
import { TargetsController } from './targets.controller.js'
import { Tenants } from './tenants.service.js'

/** hawkBit's Direct Device Integration, version 1, over the same deployments as our own protocol. */
@Module({})
export class DdiModule {
  /** @param verdict in place of what the inspector found. @param terms in place of what rollouts say. */
  static with(verdict?: BundleVerdict, terms?: DeploymentTerms): DynamicModule {
    return {
      module: DdiModule,
      imports: [AuditModule, DeviceModule, IntakeModule, PollingModule, RefusalsModule, RolloutModule, TargetingModule],
      controllers: [TargetsController],
      providers: [
        ActionDesk,
        ActionViews,
        ArtifactFactsService,
        orElse(BundleVerdict, verdict, InspectedBundles),
        ClientCalls,
        ClientFacts,
        DdiAuth,
        DdiRoutes,
        orElse(DeploymentTerms, terms, RolloutTerms),
        GatewayTokens,
        KeptPolls,
        LegacyGate,
        { provide: LegacyAdmission, useExisting: LegacyGate },
        OfferDesk,
        PollDesk,
        TargetReader,
        TargetStore,
        Tenants,
      ],
    }
  }
}

const orElse = <T>(provide: abstract new () => T, given: T | undefined, usual: Type<T>): Provider =>
  given === undefined ? { provide, useClass: usual } : { provide, useValue: given }
