import { Controller, Get } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { DataSource } from 'typeorm'
import { NoToken } from '../access/roles.decorator.js'
import { MqttLink } from '../mqtt/mqtt-link.port.js'

/** For whoever restarts the process (live) or sends it traffic (ready). Needs no token and tells nothing else. */
@ApiTags('health')
@Controller('health')
@NoToken()
export class HealthController {
  constructor(
    private readonly database: DataSource,
    private readonly broker: MqttLink,
  ) {}

  @Get('live')
  live(): { readonly status: 'live' } {
    return { status: 'live' }
  }

  /**
   * A broker that is away is told, and no reason to take traffic away: devices then poll.
   * @throws Refusal `DATABASE_UNAVAILABLE` by way of the filter.
   */
  @Get('ready')
  async ready(): Promise<{ readonly status: 'ready'; readonly broker: 'connected' | 'away' }> {
    await this.database.query('SELECT 1')
    return { status: 'ready', broker: this.broker.isConnected ? 'connected' : 'away' }
  }
}
