import { Module } from '@nestjs/common'
import { TrustPublisher } from '../keys/trust-publisher.port.js'
import { ServerConfig } from '../server-config.js'
import { BrokerAccounts } from './broker-accounts.port.js'
import { PasswordFileAccounts } from './broker-accounts.js'
import { MqttConnection } from './mqtt-connection.js'
import { MqttLink } from './mqtt-link.port.js'
import { MqttTrustPublisher } from './mqtt-trust-publisher.js'
import { OutboxService } from './outbox.service.js'
import { ReportGroup } from './report-group.service.js'

const accounts = {
  provide: BrokerAccounts,
  inject: [ServerConfig],
  useFactory: (config: ServerConfig) =>
    new PasswordFileAccounts({ ...config.broker, listenerUrl: config.mqtt.deviceUrl }),
}

/** The broker: signals to devices, reports from them, their accounts. */
@Module({
  providers: [
    { provide: MqttLink, useClass: MqttConnection },
    ReportGroup,
    OutboxService,
    { provide: TrustPublisher, useClass: MqttTrustPublisher },
    accounts,
  ],
  exports: [MqttLink, OutboxService, TrustPublisher, BrokerAccounts],
})
export class MqttModule {}
