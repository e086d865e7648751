import { Module } from '@nestjs/common'
import { MqttModule } from '../mqtt/mqtt.module.js'
import { HealthController } from './health.controller.js'

/** Whether this instance is alive, and whether it can serve. */
@Module({ imports: [MqttModule], controllers: [HealthController] })
export class HealthModule {}
