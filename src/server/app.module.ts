import { type DynamicModule, Module } from '@nestjs/common'
import { AccessModule } from './access/access.module.js'
import { AuditModule } from './audit/audit.module.js'
import { ClockModule } from './clock/clock.module.js'
import type { ServerClock } from './clock/server-clock.port.js'
import { ConfigModule } from './config.module.js'
import { DatabaseModule } from './database/database.module.js'
import type { BundleVerdict } from './ddi/bundle-verdict.port.js'
import { DdiModule } from './ddi/ddi.module.js'
import type { DeploymentTerms } from './ddi/deployment-terms.port.js'
import { DeviceModule } from './device/device.module.js'
import { EventFeedModule } from './events/event-feed.module.js'
import { HealthModule } from './health/health.module.js'
import type { DecisionLog } from './http/decision-log.service.js'
import { HttpModule } from './http/http.module.js'
import { InspectorModule } from './intake/inspection/inspector.module.js'
import type { Inspector } from './intake/inspection/inspector.port.js'
import { IntakeModule } from './intake/intake.module.js'
import { KeysModule } from './keys/keys.module.js'
import { TrustPublisher } from './keys/trust-publisher.port.js'
import { MqttModule } from './mqtt/mqtt.module.js'
import { ReleaseModule } from './release/release.module.js'
import { RolloutModule } from './rollout/rollout.module.js'
import type { ServerConfig } from './server-config.js'
import type { Signers } from './signing/signer.port.js'
import { SigningModule } from './signing/signing.module.js'
import { StorageModule } from './storage/storage.module.js'
import { TargetingModule } from './targeting/targeting.module.js'
import { WebhooksModule } from './webhooks/webhooks.module.js'

/** Parts that a caller brings instead of the real ones. The process brings none. */
export interface OutsideWorld {
  readonly clock?: ServerClock
  readonly log?: DecisionLog
  readonly signers?: Signers
  readonly publisher?: TrustPublisher
  readonly inspector?: Inspector
  readonly bundleVerdict?: BundleVerdict
  readonly deploymentTerms?: DeploymentTerms
}

/** The whole server. */
@Module({})
export class AppModule {
  static with(config: ServerConfig, world: OutsideWorld = {}): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        ClockModule.with(world.clock),
        HttpModule.with(world.log),
        SigningModule.with(world.signers),
        DatabaseModule,
        StorageModule,
        AuditModule,
        AccessModule,
        KeysModule.with(world.publisher === undefined ? MqttModule : StandInPublisher.with(world.publisher)),
        InspectorModule.with(world.inspector),
        IntakeModule,
        ReleaseModule,
        RolloutModule,
        DeviceModule,
        TargetingModule,
        DdiModule.with(world.bundleVerdict, world.deploymentTerms),
        HealthModule,
        EventFeedModule,
        WebhooksModule,
      ],
    }
  }
}

@Module({})
class StandInPublisher {
  static with(publisher: TrustPublisher): DynamicModule {
    const providers = [{ provide: TrustPublisher, useValue: publisher }]
    return { module: StandInPublisher, providers, exports: [TrustPublisher] }
  }
}
