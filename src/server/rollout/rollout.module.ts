import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { MqttModule } from '../mqtt/mqtt.module.js'
import { TargetingModule } from '../targeting/targeting.module.js'
import { AssignmentDesk } from './assignment-desk.service.js'
import { DeploymentService } from './deployment.service.js'
import { DeviceClasses } from './device-classes.service.js'
import { DeviceZones } from './device-zones.service.js'
import { OfferFacts } from './offer-facts.service.js'
import { OfferQueue } from './offer-queue.service.js'
import { OfferService } from './offer.service.js'
import { OfferStore } from './offer-store.service.js'
import { PlanCensus } from './plan-census.service.js'
import { ReleaseGuard } from './release-guard.service.js'
import { ReleasePaths } from './release-paths.service.js'
import { ReleasePathController } from './release-path.controller.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { RolloutClearing } from './rollout-clearing.service.js'
import { RolloutController } from './rollout.controller.js'
import { RolloutEngine } from './rollout-engine.service.js'
import { RolloutPlanning } from './rollout-planning.service.js'
import { RolloutPlanViews } from './rollout-plan-views.service.js'
import { RolloutRetention } from './rollout-retention.service.js'
import { RolloutSteps } from './rollout-steps.service.js'
import { RolloutViews } from './rollout-views.service.js'
import { RolloutWaits } from './rollout-waits.service.js'
import { Silence } from './silence.service.js'
import { StageFiller } from './stage-filler.service.js'

/** Releases on their way: plans that people sign, the engine that keeps to them, what became of each device. */
@Module({
  imports: [AuditModule, MqttModule, TargetingModule],
  controllers: [RolloutController, ReleasePathController],
  providers: [
    AssignmentDesk,
    DeploymentService,
    DeviceClasses,
    DeviceZones,
    OfferFacts,
    OfferQueue,
    OfferService,
    OfferStore,
    PlanCensus,
    ReleaseGuard,
    ReleasePaths,
    ReleaseShelf,
    RolloutApprovals,
    RolloutClearing,
    RolloutEngine,
    RolloutPlanning,
    RolloutPlanViews,
    RolloutRetention,
    RolloutSteps,
    RolloutViews,
    RolloutWaits,
    Silence,
    StageFiller,
  ],
  exports: [DeviceClasses, DeploymentService, ReleaseGuard, ReleaseShelf, RolloutEngine],
})
export class RolloutModule {}
