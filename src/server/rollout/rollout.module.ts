import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { MqttModule } from '../mqtt/mqtt.module.js'
import { DeploymentService } from './deployment.service.js'
import { DeviceClasses } from './device-classes.service.js'
import { OfferService } from './offer.service.js'
import { ReleaseGuard } from './release-guard.service.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals } from './rollout-approvals.service.js'
import { RolloutController } from './rollout.controller.js'
import { RolloutEngine } from './rollout-engine.service.js'
import { RolloutLifecycle } from './rollout-lifecycle.service.js'
import { RolloutPlanning } from './rollout-planning.service.js'
import { RolloutViews } from './rollout-views.service.js'

/** Releases on their way: plans that people sign, the engine that keeps to them, what became of each device. */
@Module({
  imports: [AuditModule, MqttModule],
  controllers: [RolloutController],
  providers: [
    DeviceClasses,
    DeploymentService,
    OfferService,
    ReleaseGuard,
    ReleaseShelf,
    RolloutApprovals,
    RolloutEngine,
    RolloutLifecycle,
    RolloutPlanning,
    RolloutViews,
  ],
  exports: [DeviceClasses, DeploymentService, ReleaseGuard, ReleaseShelf, RolloutEngine],
})
export class RolloutModule {}
