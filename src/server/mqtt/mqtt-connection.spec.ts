import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { DataSource } from 'typeorm'
import { DecisionLog } from '../http/decision-log.service.js'
import type { ServerConfig } from '../server-config.js'
import { MqttConnection } from './mqtt-connection.js'
import { ReportGroup } from './report-group.service.js'

class NoLog extends DecisionLog {
  protected override write(): void {}
}

class NamedGroup extends ReportGroup {
  constructor() {
    super(new DataSource({ type: 'postgres' }))
  }
  override name(): Promise<string> {
    return Promise.resolve('group')
  }
}

it('ends for good, also in the middle of an attempt to connect', async () => {
  let attempts = 0
  // Somebody who takes the connection and says nothing.
  const broker = createServer((socket) => {
    attempts += 1
    socket.on('error', () => undefined)
  })
  broker.listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const url = `mqtt://127.0.0.1:${(broker.address() as AddressInfo).port}`
  const mqtt = { url, username: 'server', passwordFile: '/dev/null', deviceUrl: url }
  const connection = new MqttConnection({ mqtt, instanceId: 'test' } as ServerConfig, new NamedGroup(), new NoLog())
  await connection.onApplicationBootstrap()
  await once(broker, 'connection')
  await connection.onApplicationShutdown()
  // Longer than it waits between two attempts.
  await sleep(2_500)
  expect(attempts).toBe(1)
  broker.close()
})
