import { type DynamicModule, Module } from '@nestjs/common'
import { AccessModule } from './access/access.module.js'
import { AuditModule } from './audit/audit.module.js'
import { ClockModule } from './clock/clock.module.js'
import type { ServerClock } from './clock/server-clock.port.js'
import { ConfigModule } from './config.module.js'
import { DatabaseModule } from './database/database.module.js'
import { HealthModule } from './health/health.module.js'
import type { DecisionLog } from './http/decision-log.service.js'
import { HttpModule } from './http/http.module.js'
import type { ServerConfig } from './server-config.js'

/** Parts that a caller brings instead of the real ones. The process brings none. */
export interface OutsideWorld {
  readonly clock?: ServerClock
  readonly log?: DecisionLog
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
        DatabaseModule,
        AuditModule,
        AccessModule,
        HealthModule,
      ],
    }
  }
}
