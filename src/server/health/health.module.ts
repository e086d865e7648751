import { Module } from '@nestjs/common'
import { HealthController } from './health.controller.js'

/** Whether this instance is alive, and whether it can serve. */
@Module({ controllers: [HealthController] })
export class HealthModule {}
